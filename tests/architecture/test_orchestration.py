"""Flows and tasks stay thin, and a change of schedule shows in review."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.cache_policies import NO_CACHE

from flows import steps
from flows.daily_tick import daily_tick
from flows.monthly_cycle import monthly_cycle
from fundpool.adapters.policies.policy_files import PRODUCT_POLICIES, load_policies
from fundpool.domain.month import MONTH, STEPS, keys
from fundpool.services.month.steps import PARTS

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "deployments.txt"
FLOWS = (daily_tick, monthly_cycle, *(getattr(steps, key.replace("-", "_")) for key in keys()))


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
    calls = [each.func for each in function.decorator_list if isinstance(each, ast.Call)]
    return any(isinstance(call, ast.Name) and call.id == name for call in calls)


def test_a_task_is_a_retry_policy_around_one_use_case() -> None:
    tasks = [(name, each) for name, each in functions("tasks") if decorated_with(each, "task")]
    assert tasks
    assert [name for name, each in tasks if body_lines(each) > 15] == []


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_no_function_of_flows_or_tasks_has_more_than_25_lines(folder: str) -> None:
    assert [name for name, each in functions(folder) if body_lines(each) > 25] == []


def definitions() -> dict[str, dict[str, Any]]:
    """The deployments by name, in the order of the file."""
    found = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]
    return {deployment["name"]: deployment for deployment in found}


def test_every_step_of_the_month_is_deployed_in_its_order() -> None:
    deployed = definitions()
    assert tuple(name for name in deployed if name in STEPS) == keys()
    assert set(deployed) == {"daily-tick", "monthly-cycle", *STEPS}
    for step in MONTH:
        deployment = deployed[step.key]
        assert deployment["entrypoint"] == f"flows.steps.{step.key.replace('-', '_')}"
        assert ("money" in deployment["tags"]) == step.runs_alone
        # The worker takes of a city one run at a time; a limit here would hold up every other city's money.
        assert "concurrency_limit" not in deployment
    assert deployed["daily-tick"]["concurrency_limit"]["limit"] == 1


def test_a_step_that_moves_money_runs_alone_and_a_chain_follows_the_month() -> None:
    assert [step.key for step in MONTH if step.moves_money] == ["disbursement", "allocation"]
    assert all(step.runs_alone for step in MONTH if step.moves_money)
    for step in MONTH:
        assert step.after is None or keys().index(step.after) < keys().index(step.key)


@pytest.mark.parametrize("key", STEPS)
def test_the_flow_of_a_step_carries_out_the_same_parts_as_the_command(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import monthly_cycle  # noqa: PLC0415

    carried_out: list[str] = []

    def recorder(name: str) -> Callable[[str], str]:
        def record(before: str) -> str:
            assert before == (carried_out[-1] if carried_out else "begun"), (
                "each part is handed the one before"
            )
            carried_out.append(name)
            return name

        return record

    for name in {part.__name__ for parts in PARTS.values() for part in parts}:
        monkeypatch.setattr(monthly_cycle, name, recorder(name))
    last = monthly_cycle.STEP_FLOWS[key]("begun")  # type: ignore[arg-type]
    assert carried_out == [part.__name__ for part in PARTS[key]]
    assert last == carried_out[-1]


def test_sending_money_is_the_only_task_that_is_never_tried_again_by_itself() -> None:
    from prefect import Task  # noqa: PLC0415

    import tasks.documents  # noqa: PLC0415
    import tasks.payments  # noqa: PLC0415
    import tasks.plans  # noqa: PLC0415
    import tasks.reports  # noqa: PLC0415

    modules = (tasks.plans, tasks.payments, tasks.reports, tasks.documents)
    found = [each for module in modules for each in vars(module).values() if isinstance(each, Task)]
    assert {task.name.replace("-", "_") for task in found} == {
        part.__name__ for parts in PARTS.values() for part in parts
    }
    assert [task.name for task in found if task.retries == 0] == ["send-payments"]
    assert all(task.cache_policy is NO_CACHE and task.persist_result is False for task in found)


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
    for item in yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]:
        flow = load_flow_from_entrypoint(item["entrypoint"], use_placeholder_flow=False)
        schema = parameter_schema(flow)
        required = schema.required or []
        names = [name if name in required else f"{name}?" for name in schema.properties]
        schedules = [f"{each['cron']} {each['timezone']}" for each in item.get("schedules", [])]
        limit = item.get("concurrency_limit", {}).get("limit", "-")
        lines += [
            f"{flow.name}/{item['name']}",
            f"  parameters: {', '.join(names)}",
            f"  schedule: {', '.join(schedules) or 'none: started by the tick or a person'}",
            f"  at once: {limit}  pool: {item['work_pool']['name']}  tags: {', '.join(item['tags'])}",
        ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_the_form_of_a_run_explains_every_parameter_offers_the_cities_and_takes_no_month_that_is_none(
    flow: Any,
) -> None:
    shown = flow.parameters.model_dump()["properties"]
    assert all(re.search(r"[\u4e00-\u9fff].* / \w", each["description"]) for each in shown.values())
    choices = [choice for each in shown.values() for choice in each.get("anyOf", [])]
    assert all(re.search(r"[\u4e00-\u9fff].* \w", choice.get("title", "")) for choice in choices)
    city = json.dumps(shown["city"] if "city" in shown else shown["cities"])
    assert all(f'"{policy.key}"' in city for policy in load_policies(PRODUCT_POLICIES).cities)
    month = shown["month"] if "month" in shown else shown["months"]["anyOf"][0]["items"]
    for text, is_month in (("2026-10", True), ("2026-1", False), ("2026-13", False), ("0001-10", False)):
        assert bool(re.search(month["pattern"], text)) is is_month, text
