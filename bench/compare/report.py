"""From raw runs to a table: text, Markdown, JSON."""

import stats
import targets

MOST_STEAL_PERCENT = 2.0
MOST_FOREIGN_PERCENT = 5.0

HEADER = ("workload", "metric", "A", "B", "A/B (95 %)", "must", "goal", "verdict")


def is_noisy(run):
    return (run["steal_percent"] > MOST_STEAL_PERCENT
            or run["foreign_percent"] > MOST_FOREIGN_PERCENT)


def clean_pairs(pairs):
    return [pair for pair in pairs if not any(is_noisy(run) for run in pair.values())]


def used_pairs(pairs):
    """The quiet pairs; all of them, and False, when fewer than half are quiet."""
    quiet = clean_pairs(pairs)
    return (quiet, True) if 2 * len(quiet) >= len(pairs) and quiet else (pairs, False)


def number(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _bound(target, value):
    sign = "<=" if target.direction == "lower" else ">="
    return "-" if value is None else f"{sign} {number(value)}"


def evaluate(case_name, pairs):
    """One row for each target of the case."""
    used, quiet = used_pairs(pairs)
    rows = []
    for target in targets.targets_of(case_name):
        a = [pair["a"][target.metric] for pair in used]
        b = [pair["b"][target.metric] for pair in used]
        ratio = stats.median_interval(stats.pairwise_ratios(a, b)) if all(b) else None
        judged = ratio if target.kind == "ratio" else stats.median_interval(a)
        verdict = stats.verdict(judged, target) if judged else "unclear"
        rows.append({
            "case": case_name, "metric": target.label, "key": target.metric,
            "kind": target.kind, "a": stats.median_interval(a), "b": stats.median_interval(b),
            "ratio": ratio, "must": _bound(target, target.must),
            "goal": _bound(target, target.goal), "verdict": verdict,
            "pairs": len(used), "pairs_run": len(pairs), "quiet": quiet,
        })
    return rows


def cells(row):
    ratio = row["ratio"]
    shown = "-" if ratio is None else f"{number(ratio[0])} ({number(ratio[1])}-{number(ratio[2])})"
    unit = "" if row["kind"] == "ratio" else " (A alone)"
    verdict = row["verdict"] + ("" if row["quiet"] else " (noisy)")
    return (row["case"], row["metric"], number(row["a"][0]), number(row["b"][0]), shown,
            row["must"] + unit, row["goal"], verdict)


def text_table(rows):
    lines = [HEADER, *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip()
                     for line in lines)


def markdown_table(rows, a_name, b_name):
    header = [*HEADER]
    header[2], header[3], header[4] = a_name, b_name, "ratio (95 %)"
    lines = [header, ["---"] * len(header), *(cells(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _client_bound(pairs):
    """Throughput with a generator that has no time left is the generator's."""
    notes = []
    for side in ("a", "b"):
        busy = [pair[side].get("client_busy_percent", 0) for pair in pairs]
        if stats.median_interval(busy)[0] > 85:
            notes.append(f"{side} is limited by the generator: MB/s and requests/s are lower bounds")
    return notes


def text_report(result):
    lines = [f"A = {result['a']['version']}, B = {result['b']['version']}"]
    m = result["machine"]
    lines.append(f"{m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, Linux {m['kernel']}, "
                 f"{m['file_system']}, TCP {m['tcp_congestion_control']}, {m['time_utc']}")
    for when, c in result["calibration"].items():
        sync = c["fdatasync_4k_ms"]
        lines.append(f"calibration {when}: crc32c {c['crc32c_gb_per_s']:.1f} GB/s, null syscall "
                     f"{c['null_syscall_ns']:.0f} ns, fdatasync p50 {sync['p50']:.3f} ms "
                     f"p99 {sync['p99']:.3f} ms")
    lines += ["", text_table(result["rows"]), ""]
    for name, case in result["cases"].items():
        pairs = case["pairs"]
        steal = max(run["steal_percent"] for pair in pairs for run in pair.values())
        foreign = max(run["foreign_percent"] for pair in pairs for run in pair.values())
        lines.append(f"{name}: {len(clean_pairs(pairs))} of {len(pairs)} pairs quiet, "
                     f"most steal {steal:.1f} %, most foreign CPU {foreign:.1f} %"
                     + "".join(f"; {note}" for note in [*case["notes"], *_client_bound(pairs)]))
    lines += [f"{name}: FAILED: {why.splitlines()[0]}" for name, why in result["failed"].items()]
    return "\n".join(lines)
