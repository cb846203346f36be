"""Twenty lines of use: ingest a folder, ask, and put a tool call before policy.

python -m ragbastion.examples.quickstart
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from ragbastion import Guard, Settings, operator_context
from ragbastion.examples import corpus_path


def main(folder: Path) -> None:
    """Guard one shop's documents in a folder of its own."""
    shop = corpus_path() / "aurora-retail"
    settings = Settings(state_dir=folder / "state", store=str(folder / "store"))
    with Guard.from_settings(settings) as guard:
        for source in ("policies", "website", "supplier-docs"):
            report = guard.ingest(shop / source, tenant="aurora", source=source)
            for item in report.quarantined_items:
                print(f"held back: {item.document}")

        agent = operator_context(tenant="aurora", principal="agent-b", roles=["support"])
        answer = guard.retrieve("How long do customers have to return an item?", agent)
        for chunk in answer.chunks:
            print(f"{chunk.integrity}: {chunk.source}/{chunk.document}")
        print(answer.certificate.statement)

        refund = {"action": "refund", "resource": "order:AR-20877", "args": {"amount_cents": 94900}}
        decision = guard.authorize(refund, agent)
        print(decision.decision, *decision.reasons)
        print(guard.respond("Her number is SSN 219-09-9999.", agent).text)


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        main(Path(name))
