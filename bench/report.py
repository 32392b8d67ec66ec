#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""report.py DIR: reads the runs in DIR, prints the table, writes DIR/bench.json.

Exit status 1 if a figure of baton's, a healthy gateway's or a store's is missing. What each means: README.md.
"""
import glob
import json
import os
import statistics
import sys

WAYS = (("baton", ""), ("ha", "baseline-ha"), ("reauth", "baseline-reauth"))
GATEWAY = (  # scenario, measure, what it is called, the least that baton/plain should be
    ("bench-setups", "setups_per_s", "IKE setups/s", 0.95),
    ("bench-setups", "setups_per_cpu_s", "IKE setups per processor second", 0.95),
    ("bench-setups", "charon_ms_per_setup", "charon, ms per setup", None),
    ("bench-setups", "batond_ms_per_setup", "batond, ms per setup", None),
    ("bench-throughput", "out_1400_packets_per_s", "ESP out, 1400 bytes, packets/s", 0.99),
    ("bench-throughput", "in_1400_packets_per_s", "ESP in, 1400 bytes, packets/s", 0.99),
    ("bench-throughput", "out_100_packets_per_s", "ESP out, 100 bytes, packets/s", None),
    ("bench-throughput", "in_100_packets_per_s", "ESP in, 100 bytes, packets/s", None),
    ("bench-miss", "miss_out_1400_packets_per_s", "[miss], ESP out, 1400 bytes", 0.98),
    ("bench-miss", "miss_in_1400_packets_per_s", "[miss], ESP in, 1400 bytes", 0.98),
    ("bench-miss", "miss_out_100_packets_per_s", "[miss], ESP out, 100 bytes", None),
    ("bench-miss", "miss_in_100_packets_per_s", "[miss], ESP in, 100 bytes", None),
    ("bench-fence", "fence_10_1400_packets_per_s", "fence, 10 SAs, 1400 bytes", None),
    ("bench-fence", "fence_10000_1400_packets_per_s", "fence, 10,000 SAs, 1400 bytes", None),
    ("bench-fence", "fence_10_100_packets_per_s", "fence, 10 SAs, 100 bytes", None),
    ("bench-fence", "fence_10000_100_packets_per_s", "fence, 10,000 SAs, 100 bytes", None),
)
FETCH = (  # figure of bench-fetch, what it is called
    ("fetch_round_trip_ms", "round trip to the store, inside ESP, ms"),
    ("fetch_least_ms", "first packet until its SAs are there, least, ms"),
    ("fetch_p50_ms", "  median of all at once, ms"),
    ("fetch_p99_ms", "  99th percentile, ms"),
    ("fetch_per_s", "sessions fetched for packets/s"),
    ("drained_per_s", "sessions drained/s"),
)
ADDRESS = (  # figure of bench-address, what it is called
    ("per_s", "clients a second"),
    ("cpu_ms", "processor time of the gateway for each, ms"),
)
STORE = (  # figure, what it is called, digits
    ("put_per_s", "sessions stored again/s", 0),
    ("put_1280_per_s", "  in datagrams of 1280 bytes", 0),
    ("new_per_s", "sessions stored for the first time/s", 0),
    ("redis_set_16_per_s", "redis SET/s, 16 in the pipeline", 0),
    ("redis_set_64_per_s", "redis SET/s, 64 in the pipeline", 0),
    ("redis_new_per_s", "redis SET/s of new keys, 64 in the pipeline", 0),
    ("counters_per_s", "counter updates/s", 0),
    ("spi_per_s", "retrievals by SPI/s, 64 under way", 0),
    ("redis_get_16_per_s", "redis GET/s, 16 in the pipeline", 0),
    ("redis_get_64_per_s", "redis GET/s, 64 in the pipeline", 0),
    ("bulk_seconds", "all sessions in bulk, seconds", 3),
    ("bulk_1280_seconds", "  in datagrams of 1280 bytes", 3),
    ("bulk_per_s", "sessions/s in bulk", 0),
    ("bulk_mb_per_s", "MB/s in bulk", 0),
    ("spi_p50_us", "one retrieval by SPI, median, us", 1),
    ("echo_p50_us", "UDP echo of as many bytes, median, us", 1),
    ("spi_p99_us", "one retrieval by SPI, 99th percentile, us", 1),
    ("echo_p99_us", "UDP echo of as many bytes, 99th percentile, us", 1),
    ("memory_bytes_per_session", "memory per session, bytes", 0),
)


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def spread(values):
    """Median, least, most; None without values."""
    if not values:
        return None
    return {"median": round(statistics.median(values), 3), "min": min(values),
            "max": max(values), "runs": values}


def gap_of(sessions, folder):
    """{way: figures}: the clients' silence less the time in which nobody knew."""
    found = {}
    for way, sub in WAYS:
        typical, worst, detection, failed = [], [], [], 0
        for path in sorted(glob.glob(os.path.join(folder, f"gap-{sessions}-*"))):
            if not os.path.isdir(path):
                continue
            s = load(os.path.join(path, sub, "summary.json"))
            if not s or not s["pass"] or not s.get("gap_ms") or s.get("detection_ms") is None:
                failed += 1  # what has not come back has no gap
                continue
            typical.append(round(s["gap_ms"]["median"] - s["detection_ms"], 1))
            worst.append(round(s["gap_ms"]["max"] - s["detection_ms"], 1))
            detection.append(s["detection_ms"])
        found[way] = {"gap_less_detection_ms": spread(typical),
                      "worst_session_ms": spread(worst), "detection_ms": spread(detection),
                      "runs_failed": failed}
    ours = found["baton"]["gap_less_detection_ms"]
    for way in ("ha", "reauth"):
        theirs = found[way]["gap_less_detection_ms"]
        if ours and theirs and ours["median"] > 0:
            found[way]["times_baton"] = round(theirs["median"] / ours["median"], 1)
    return found


def gateway(folder):
    found = {}
    for scenario, measure, name, aim in GATEWAY:
        sides = {"baton": [], "plain": []}
        for path in sorted(glob.glob(os.path.join(folder, "gateway-*", scenario, "summary.json"))):
            s = load(path) or {}
            for side, values in sides.items():
                values += [float(v) for v in str(s.get(f"{side}_{measure}", "")).split()]
        one = {"name": name, "baton": spread(sides["baton"]), "plain": spread(sides["plain"])}
        # turns are neighbours in time: each is compared with its own neighbour
        ratios = [round(b / p, 4) for b, p in zip(sides["baton"], sides["plain"]) if p]
        one["ratio"] = spread(ratios)
        if aim:
            one["aim"] = aim
            one["met"] = bool(ratios) and one["ratio"]["median"] >= aim
        found[measure] = one
    return found


def fetch(folder):
    runs = [load(p) or {} for p in sorted(glob.glob(os.path.join(folder, "fetch-*", "summary.json")))]
    return {name: spread([float(s[f"baton_{name}"]) for s in runs if s.get("pass") and f"baton_{name}" in s])
            for name, _ in FETCH}


def address(folder):
    """Clients that follow to another address, and clients that authenticate there, run by run."""
    runs = [load(p) or {} for p in sorted(glob.glob(os.path.join(folder, "address-*", "summary.json")))]
    runs = [s for s in runs if s.get("pass")]
    found = {}
    for name, _ in ADDRESS:
        ours = [float(s[f"baton_follow_{name}"]) for s in runs]
        theirs = [float(s[f"baton_reauth_{name}"]) for s in runs]
        found[name] = {"follow": spread(ours), "reauth": spread(theirs),
                       "ratio": spread([round(o / t, 3) for o, t in zip(ours, theirs) if t])}
    return found


def store(folder):
    """Figures of bench/store, and what they should be."""
    rounds, now = [{}], {}
    with open(os.path.join(folder, "store", "store.txt"), encoding="utf-8") as f:
        for line in f:
            name, value = line.split()
            if name == "round":
                rounds.append({})
            else:
                now.setdefault(name, []).append(float(value))
                rounds[-1][name] = float(value)
    ratios = {
        "stores over redis SET": ([r["put_per_s"] / max(r["redis_set_16_per_s"],
                                                        r["redis_set_64_per_s"])
                                   for r in rounds if "redis_set_64_per_s" in r], 2, True),
        "first stores over redis SET of new keys": (
            [r["new_per_s"] / r["redis_new_per_s"] for r in rounds if "redis_new_per_s" in r],
            2, True),
        "99th percentile over echo's": ([r["spi_p99_us"] / r["echo_p99_us"]
                                         for r in rounds if "spi_p99_us" in r], 1.5, False),
        "memory over encoded bytes": (now["memory_ratio"], 1.3, False),
        "seconds for all sessions in bulk": (now["bulk_seconds"], 1, False),
    }
    found = {"sessions": now["sessions"][0], "body_bytes": now["body_bytes"][0],
             "figures": {name: spread(values) for name, values in now.items()}, "aims": {}}
    for name, (values, aim, least) in ratios.items():
        s = spread([round(v, 3) for v in values])
        met = None if not s else s["median"] >= aim if least else s["median"] <= aim
        found["aims"][name] = {"ratio": s, "aim": aim, "met": met}
    return found


def figure(s, digits=1):
    if not s:
        return "-"
    return f"{s['median']:.{digits}f} ({s['min']:.{digits}f} .. {s['max']:.{digits}f})"


def print_gaps(gaps):
    row = "{:10} {:22} {:>28} {:>28} {:>10}"
    print(row.format("sessions", "", "gap less detection, ms", "worst session, ms", "x baton"))
    labels = {"baton": "baton", "ha": "strongSwan ha", "reauth": "DPD, re-authentication"}
    for sessions, ways in gaps.items():
        for way, f in ways.items():
            print(row.format(sessions, labels[way], figure(f["gap_less_detection_ms"]),
                             figure(f["worst_session_ms"]), f.get("times_baton", "")),
                  f"{f['runs_failed']} run(s) failed" if f["runs_failed"] else "")
    print()


def print_gateway(measures):
    row = "{:34} {:>28} {:>28} {:>24}"
    print(row.format("healthy gateway", "baton", "plain strongSwan", "baton/plain"))
    for f in measures.values():
        if not f["baton"]:
            continue
        aim = "" if "aim" not in f else \
            f"  aim {f['aim']}: {'met' if f['met'] else 'MISSED'}"
        digits = 2 if f["baton"]["median"] < 100 else 0
        print(row.format(f["name"], figure(f["baton"], digits), figure(f["plain"], digits),
                         figure(f["ratio"], 3)) + aim)


def print_fetch(found):
    for name, label in FETCH:
        print(f"{label:50} {figure(found[name], 2):>36}")
    print()


def print_address(found):
    row = "{:46} {:>24} {:>24} {:>24}"
    print(row.format("another address, EAP clients", "follow", "authenticate anew", "ratio"))
    for name, label in ADDRESS:
        f = found[name]
        print(row.format(label, figure(f["follow"]), figure(f["reauth"]), figure(f["ratio"], 2)))
    print()


def print_store(found):
    print(f"store of {found['sessions']:.0f} sessions of {found['body_bytes']:.0f} bytes")
    for name, label, digits in STORE:
        if name in found["figures"]:
            print(f"{label:50} {figure(found['figures'][name], digits):>36}")
    for name, a in found["aims"].items():
        verdict = {None: "not measured", True: "met", False: "MISSED"}[a["met"]]
        aim = f"  aim {a['aim']}: {verdict}"
        print(f"{name:50} {figure(a['ratio'], 2):>36}{aim}")


def main():
    folder = sys.argv[1]
    result = {}
    if glob.glob(os.path.join(folder, "gap-*")):
        result["gap"] = {n: gap_of(n, folder) for n in ("1", "200")}
        print_gaps(result["gap"])
    if glob.glob(os.path.join(folder, "gateway-*")):
        result["gateway"] = gateway(folder)
        print_gateway(result["gateway"])
    if glob.glob(os.path.join(folder, "address-*")):
        result["address"] = address(folder)
        print_address(result["address"])
    if glob.glob(os.path.join(folder, "fetch-*")):
        result["fetch"] = fetch(folder)
        print_fetch(result["fetch"])
    if os.path.exists(os.path.join(folder, "store", "store.txt")):
        result["store"] = store(folder)
        print_store(result["store"])
    path = os.path.join(folder, "bench.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    print(f"\nmedian (least .. most); all runs: {path}")
    # a baseline may well fail; that is a result
    missing = [n for n, f in result.get("gap", {}).items() if not f["baton"]["gap_less_detection_ms"]]
    missing += [n for n, f in result.get("address", {}).items() if not f["ratio"]]
    missing += [n for n, f in result.get("fetch", {}).items() if not f]
    missing += [m for m, f in result.get("gateway", {}).items() if not f["baton"] or not f["plain"]]
    sys.exit(1 if missing or not result else 0)


main()
