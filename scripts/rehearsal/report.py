"""The result: one document, and a table for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scripts.rehearsal.figures import Share, per_second, plausible, pooled, quantile
from scripts.rehearsal.journey import NEW, Story, failures, last_after_back, shares, told
from scripts.rehearsal.load import Load
from scripts.rehearsal.scaling import Step

ENOUGH_REQUESTS, ENOUGH_MOVES, ENOUGH_ROLLOUTS = 30_000, 40, 3
FELT = 0.5


@dataclass(frozen=True)
class Check:
    """One thing that had to hold."""

    name: str
    value: str
    wanted: str
    held: bool


def document(story: Story, load: Load, step: Step) -> dict[str, Any]:
    """Everything that was measured, with what had to hold."""
    answers = load.seen()
    failed = [*failures(answers), *told(step.failed)]
    nodes = step.as_json()
    holds = list(shares(story, load))
    missed = sum(not share.inside for share in holds)
    times, rate = [answer.seconds for answer in answers], per_second([answer.at for answer in answers])
    late = last_after_back(story, load)
    mixed = [s for s in holds if s.weight not in {0, 100}]
    missed_mixed = sum(not share.inside for share in mixed)
    checks = [
        Check("failed requests", str(len(failed)), "0", not failed),
        Check("requests", f"{len(answers):,}", f">= {ENOUGH_REQUESTS:,}", len(answers) >= ENOUGH_REQUESTS),
        Check("requests a second", f"{rate:.0f}", f">= {load.rate}", round(rate) >= load.rate),
        Check(
            "weight changes", str(len(story.moves)), f">= {ENOUGH_MOVES}", len(story.moves) >= ENOUGH_MOVES
        ),
        Check(
            "rolling updates",
            str(len(story.rollouts)),
            f">= {ENOUGH_ROLLOUTS}",
            len(story.rollouts) >= ENOUGH_ROLLOUTS,
        ),
        Check(
            "images as they were promoted",
            f"{len(story.running)} of {len(story.rollouts)}",
            "all that rolled out",
            len(story.running) == len(story.rollouts),
        ),
        Check(
            "shares in their 99 % interval",
            f"{len(holds) - missed} of {len(holds)}",
            "all, or what luck allows",
            plausible(missed_mixed, len(mixed)) and missed == missed_mixed,
        ),
        Check(
            "last on the new side after back",
            f"{max(late, default=0) * 1000:.0f} ms",
            "<= 500 ms",
            max(late, default=0) <= FELT,
        ),
        Check(
            "nodes under a step of load",
            " → ".join(map(str, nodes["nodes"])),
            "one comes, and goes again",
            bool(nodes["came_s"] and nodes["gone_s"]),
        ),
    ]
    return {
        "ok": all(check.held for check in checks),
        "checks": [asdict(check) for check in checks],
        "requests": len(answers),
        "requests_per_second": round(rate, 1),
        "failed": len(failed),
        "failures": failed[:50],
        "new_side": sum(a.side == NEW for a in answers),
        "latency_ms": {f"p{q}": round(quantile(times, q / 100) * 1000, 1) for q in (50, 95, 99)},
        "shares": [_row(share) for share in pooled(holds)],
        "step": nodes,
        "versions": sorted({a.version for a in answers if a.side == NEW and a.version}),
        "seconds": {name: round(value, 1) for name, value in story.seconds.items()},
    }


def table(result: dict[str, Any]) -> str:
    """The result for a reader."""
    lines = ["", "  weight   arrived on the new side      99 % interval"]
    for row in result["shares"]:
        low, high = row["interval"]
        lines.append(
            f"  {row['weight']:>4} %   {row['new']:>7,} of {row['total']:>7,} {row['share']:>7.2%}"
            f"   {low:>7.2%} to {high:>7.2%}"
        )
    latency, step = result["latency_ms"], result["step"]
    lines += [
        "",
        f"  latency  p50 {latency['p50']} ms   p95 {latency['p95']} ms   p99 {latency['p99']} ms",
    ]
    if step["came_s"] and step["gone_s"]:
        came, gone = f"{step['came_s']:.0f} s", f"{step['gone_s']:.0f} s"
        logins = f"wrong passwords beside, {step['logins_per_second']} a second"
        lines.append(f"  {logins}: a node came after {came}, and was gone {gone} after the last")
    lines.append("")
    for check in result["checks"]:
        lines.append(
            f"  {'✓' if check['held'] else '✗'} {check['name']:<34} {check['value']:>12}"
            f"   ({check['wanted']})"
        )
    lines += [f"      {line}" for line in result["failures"][:5]]
    lines.append("  " + "   ".join(f"{name} {value:.0f} s" for name, value in result["seconds"].items()))
    return "\n".join(lines)


def _row(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {
        "weight": share.weight,
        "new": share.new,
        "total": share.total,
        "share": share.new / share.total if share.total else 0.0,
        "interval": [low, high],
    }
