"""What a short command costs before it does anything: the interpreter, the libraries, and what is ours.

    python -m benchmarks.start_up [--runs N]

Prints one line of JSON. Processor time, least of N runs taken in turns: another program's load can only
add to a run, so the least is the nearest to what the command itself needs.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
IMPORTS = "import cyclopts, yaml; from pydantic import BaseModel"
EMPTY_PROGRAM = """
import cyclopts, yaml
from pydantic import BaseModel

class Page(BaseModel):
    number: int

app = cyclopts.App(result_action="return_value")

@app.default
def command(*, text: str):
    Page.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))

app(["--text", "number: 1"])
"""
"""What any program on these libraries costs: they load much of themselves at the first use, not at the import."""
EMPTY_HELP = """
import cyclopts

app = cyclopts.App(name="empty", help_format="plaintext", result_action="return_value")

@app.default
def command(*, text: str):
    "An empty command."

app(["--help"])
"""
QUESTIONS = {
    "help": "due --help",
    "due": "due --city taizhou --month 2026-10 --json",
    "compute": "compute warning --city suizhou --fund employee --year 2023 --json --facts {facts}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    least = measure(parser.parse_args().runs)
    answer = {
        "benchmark": "start_up",
        "cpu_seconds": {name: round(seconds, 3) for name, seconds in least.items()},
        "ours_of_due_help": round(1 - least["empty_help"] / least["help"], 2),
        "ours_of_due": round(1 - least["empty_program"] / least["due"], 2),
        "ours_of_compute": round(1 - least["empty_program"] / least["compute"], 2),
    }
    print(json.dumps(answer))


def measure(runs: int) -> dict[str, float]:
    """Least processor seconds by name: interpreter, imports, the empty programs and each of the questions."""
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder) / "facts.json"
        facts.write_text('{"income_fen": 10, "expenditure_fen": 9, "balance_fen": 5, "benefits_fen": 9}')
        commands = {
            "interpreter": [sys.executable, "-c", "pass"],
            "imports": [sys.executable, "-c", IMPORTS],
            "empty_program": [sys.executable, "-c", EMPTY_PROGRAM],
            "empty_help": [sys.executable, "-c", EMPTY_HELP],
        }
        for name, question in QUESTIONS.items():
            commands[name] = [
                sys.executable,
                "-m",
                "fundpool",
                *shlex.split(question.format(facts=shlex.quote(str(facts)))),
            ]
        # Bytecode is cached as in any installation, whatever this shell has set.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        for command in commands.values():
            _cpu_seconds(command, environment)
        rounds = [
            {name: _cpu_seconds(command, environment) for name, command in commands.items()}
            for _ in range(runs)
        ]
    return {name: min(each[name] for each in rounds) for name in commands}


def _cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
