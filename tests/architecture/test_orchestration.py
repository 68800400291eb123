"""Flows and tasks stay thin, and a change of schedule shows in review."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "deployments.txt"
MONEY_WORDS = ("fen", "amount", "transfer", "obligation", "payment")


def functions(folder: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted((ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{folder}/{path.name}::{node.name}", node


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def decorated_with(function: ast.FunctionDef, name: str) -> bool:
    calls = [one.func for one in function.decorator_list if isinstance(one, ast.Call)]
    return any(isinstance(call, ast.Name) and call.id == name for call in calls)


def test_a_task_is_a_retry_policy_around_one_use_case() -> None:
    tasks = [(name, one) for name, one in functions("tasks") if decorated_with(one, "task")]
    assert len(tasks) >= 10
    assert [name for name, one in tasks if body_lines(one) > 15] == []


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_no_function_of_flows_or_tasks_is_longer_than_a_rule(folder: str) -> None:
    assert [name for name, one in functions(folder) if body_lines(one) > 25] == []


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_no_decision_about_money_is_taken_in_flows_or_tasks(folder: str) -> None:
    found = []
    for name, function in functions(folder):
        for node in ast.walk(function):
            if isinstance(node, ast.For | ast.If | ast.While):
                asked = ast.unparse(node.iter if isinstance(node, ast.For) else node.test).lower()
                if any(word in asked for word in MONEY_WORDS):
                    found.append(f"{name}: {asked}")
    assert found == []


def test_every_flow_is_a_module_of_its_own_and_has_a_deployment_of_its_name() -> None:
    flows = {one.name for _, one in functions("flows") if decorated_with(one, "flow")}
    modules = {path.stem for path in (ROOT / "flows").glob("*.py")} - {"__init__"}
    definitions = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]
    assert flows == modules
    assert {f"flows.{name}.{name}" for name in flows} == {one["entrypoint"] for one in definitions}
    assert all(one["entrypoint"].endswith(one["name"].replace("-", "_")) for one in definitions)


def test_sending_money_is_never_retried_by_the_orchestrator_and_runs_one_at_a_time() -> None:
    from tasks import payments  # noqa: PLC0415

    assert payments.disburse.retries == 0
    assert payments.allocate.retries == 0
    definitions = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]
    by_name = {one["name"]: one for one in definitions}
    for step in ("disbursement", "allocation"):
        assert by_name[step]["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_only_a_service_that_did_not_answer_is_tried_again() -> None:
    from prefect.states import Failed  # noqa: PLC0415

    from fundpool.domain.errors import RuleViolation, ServiceUnavailable  # noqa: PLC0415
    from tasks.options import service_was_away  # noqa: PLC0415

    assert service_was_away(None, None, Failed(data=ServiceUnavailable("a", "不在", "away")))
    assert not service_was_away(None, None, Failed(data=RuleViolation("a", "不行", "no")))
    assert not service_was_away(None, None, Failed(data=ValueError("no")))


def test_the_deployments_are_the_ones_last_looked_at() -> None:
    """Names, schedules, parameters and limits as text: a changed schedule is seen by whoever reviews it."""
    assert deployments_as_text() == GOLDEN.read_text(encoding="utf-8")


def deployments_as_text() -> str:
    from prefect.flows import load_flow_from_entrypoint  # noqa: PLC0415
    from prefect.utilities.callables import parameter_schema  # noqa: PLC0415

    lines = []
    for one in yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]:
        flow = load_flow_from_entrypoint(one["entrypoint"], use_placeholder_flow=False)
        schema = parameter_schema(flow)
        required = schema.required or []
        names = [name if name in required else f"{name}?" for name in schema.properties]
        schedules = [f"{each['cron']} {each['timezone']}" for each in one.get("schedules", [])]
        limit = one.get("concurrency_limit", {}).get("limit", "-")
        lines += [
            f"{flow.name}/{one['name']}",
            f"  parameters: {', '.join(names)}",
            f"  schedule: {', '.join(schedules) or 'none: started by the tick or a person'}",
            f"  at once: {limit}  pool: {one['work_pool']['name']}  tags: {', '.join(one['tags'])}",
        ]
    return "\n".join(lines) + "\n"
