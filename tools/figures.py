#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""figures.py DIR...: results of scenarios that ran with --baseline, side by side.

Exit status 0 if each of them passed.
"""
import json
import os
import sys


def summary(*path):
    try:
        with open(os.path.join(*path, "summary.json"), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def beyond_detection(s):
    """The client's gap, median and worst, less what keepalived took to notice."""
    if not s or not s.get("gap_ms"):
        return "-", "-"
    if not s["pass"]:
        return "not all back", f"> {s['gap_ms']['max']:.0f}"
    found = s.get("detection_ms") or 0
    return tuple(f"{max(0, s['gap_ms'][k] - found):.0f}" for k in ("median", "max"))


def tell(path):
    s = summary(path)
    if not s:
        print(f"{path}: no results")
        return False
    print(f"\n{s['scenario']}, {s['sessions']} session(s): {'pass' if s['pass'] else 'FAIL'}")
    print("  phases of the takeover (ms): detection {detection_ms}, claim {claim_ms}, "
          "retrieval {retrieve_ms}, installation {install_ms}".format(**s))
    print(f"  sessions lost {s['lost_sessions']}, IKE_AUTH after the failure {s['ike_auth_after_failure']}, "
          f"sequence numbers repeated {s['repeated_sequence_numbers']}, replays accepted {s['replays_accepted']}")
    print("  gap seen by the clients less detection (ms)        median     worst")
    for name, one in (("baton", s), ("strongSwan ha", summary(path, "baseline-ha")),
                      ("DPD and re-authentication", summary(path, "baseline-reauth"))):
        median, worst = beyond_detection(one)
        print(f"    {name:42} {median:>12}  {worst:>8}")
    print(f"  captures: {path}/wan.pcap, cluster.pcap, protected.pcap; story and logs beside them")
    return s["pass"]


def main():
    results = [tell(path) for path in sys.argv[1:]]
    sys.exit(0 if all(results) else 1)


main()
