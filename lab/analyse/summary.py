#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""summary.py DIR: reads what a scenario left in DIR, decides, writes DIR/summary.json.

Exit status 0 if the scenario passed. What each field means: lab/README.md.
"""
import glob
import json
import operator
import os
import re
import statistics
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pcap  # noqa: E402

RECORD = struct.Struct("=IIQQ")  # struct record of traffic.c; the address is in network order
POOL, POOL_MASK = 0x0A320000, 0xFFFF0000
CLIENT_NET, CLIENT_MASK = 0x0A0A0000, 0xFFFE0000  # and, behind NATs, 10.11.0.0
# the outsider's interfaces (scenarios that inject packets); never a lab host's own
OUTSIDER = bytes.fromhex("026666666601")
OWNED = re.compile(r"event=owned spi_i=(\w+ spi_r=\w+) server_id=(\S+) epoch=(\d+)")


def table(path, width):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t", width - 1) for line in f if line.strip()]


def ns(text):
    sec, sub = text.split(".")
    return int(sec) * 1000000000 + int(sub.ljust(9, "0"))


def ms(nanoseconds):
    return round(nanoseconds / 1e6, 1)


class Results:
    def __init__(self, path):
        self.path = path
        self.facts = dict(table(self.file("facts"), 2))
        self.events = [(ns(t), what) for t, what in table(self.file("events"), 2)]
        self.checks = table(self.file("checks"), 2)
        self.wire = table(self.file("wire"), 4)

    def file(self, *names):
        return os.path.join(self.path, *names)

    def number(self, name, default=0):
        return int(self.facts.get(name, default))

    def event(self, prefix):
        return [(t, what) for t, what in self.events if what.split(" ")[0] == prefix]

    def notified(self, gateway):
        return [ns(t) for t, what in table(self.file(gateway, "notify"), 2) if what == "master"]


def read_traffic(path):
    """Arrivals by flow: {address: [(received, seq), ...]}, and the time of the end."""
    flows, end = {}, None
    with open(path, "rb") as f:
        data = f.read()
    for flow, seq, _, received in RECORD.iter_unpack(data[:len(data) // RECORD.size * RECORD.size]):
        if flow == 0:
            end = received
        else:
            flows.setdefault(flow, []).append((received, seq))
    return flows, end


def traffic_of(results):
    """{direction: {flow: sorted arrivals}}, end. Client hosts' records are one direction."""
    folder = results.file("traffic")
    merged, ends = {"up": {}, "down": {}}, []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        flows, end = read_traffic(os.path.join(folder, name))
        if end:
            ends.append(end)
        direction = merged["up" if name == "srv.bin" else "down"]
        for flow, arrivals in flows.items():
            direction.setdefault(flow, []).extend(arrivals)
    for direction in merged.values():
        for arrivals in direction.values():
            arrivals.sort()
    return merged, min(ends) if ends else 0


def silence(arrivals, begin, end):
    """The longest time without an arrival that touches begin..end."""
    longest, last = 0, None
    for received, _ in arrivals:
        if last is not None and received >= begin:
            longest = max(longest, received - last)
        last = received
        if received > end:
            break
    if last is None:
        return end - begin
    if last < end:
        longest = max(longest, end - last)
    return longest


def gaps(traffic, begin, end, interval):
    """Per flow that was alive at begin the worse of its directions, in ms, less the sender's interval."""
    flows = [f for f in set(traffic["up"]) | set(traffic["down"])
             if any(begin - 5 * interval < t <= begin for d in traffic for t, _ in traffic[d].get(f, []))]
    return [ms(max(0, max(silence(traffic[d].get(f, []), begin, end) for d in traffic) - interval))
            for f in flows]


def lost(results, traffic, end):
    """Sessions that carry nothing, in one direction or both, in the last second (of slow senders: three intervals)."""
    since = end - max(1e9, 3e9 / results.number("rate", 50))
    kept = 0
    for flow, arrivals in traffic["up"].items():
        down = traffic["down"].get(flow)
        if down and arrivals[-1][0] > since and down[-1][0] > since:
            kept += 1
    return max(0, results.number("sessions") - results.number("left") - kept)


def duplicates(traffic):
    """Datagrams that an end received more than once: what a replay would look like."""
    return sum(len(a) - len({seq for _, seq in a}) for d in traffic.values() for a in d.values())


def missing(traffic):
    """Datagrams between the first and the last that arrived, of each flow and direction, that did not."""
    count = 0
    for direction in traffic.values():
        for arrivals in direction.values():
            seqs = {seq for _, seq in arrivals}
            count += max(seqs) - min(seqs) + 1 - len(seqs)
    return count


def read_wan(results, failure):
    seen, repeated, injected, esp = set(), 0, 0, 0
    clear, exchanges = 0, {}
    copies = bytes.fromhex(results.facts.get("copies_mac", "").replace(":", ""))
    new = {int(h) for h in results.facts.get("newcomer_hosts", "").split()}
    auth = 0
    for p in pcap.packets(results.file("wan.pcap")):
        if p.mac == OUTSIDER:
            injected += 1
            esp += p.kind == pcap.ESP
            continue
        if p.kind == pcap.ESP:
            esp += 1
            key = p.dst, p.spi, p.seq
            if p.to == copies:  # made by the router of the lab
                continue
            if key in seen:
                repeated += 1
            seen.add(key)
        elif p.kind == pcap.IKE and failure and p.time >= failure:
            name = ("client" if p.src & CLIENT_MASK == CLIENT_NET else "gateway",
                    p.exchange, "response" if p.response else "request")
            exchanges[name] = exchanges.get(name, 0) + 1
            if (name[0] == "client" and p.exchange in (pcap.IKE_SA_INIT, pcap.IKE_AUTH)
                    and (p.src >> 8 & 255) not in new):
                auth += 1
        if p.src & POOL_MASK == POOL or p.dst & POOL_MASK == POOL:
            clear += 1
    return {"repeated_sequence_numbers": repeated, "ike_auth_after_failure": auth,
            "wan_clear_packets": clear, "wan_esp_packets": esp, "replays_injected": injected,
            "exchanges_after_failure": {f"{w} {e} {k}": n for (w, e, k), n in exchanges.items()}}


def unverified(results):
    """Packets of clients that make sure, to an address of which they had no proof yet: no request of their own had been answered there. Requests
    and responses of INFORMATIONAL are how it is proven, and are not counted."""
    asked, proven, count = set(), set(), 0
    hosts = {int(h) for h in results.facts.get("extended_hosts", "").split()}
    for p in pcap.packets(results.file("wan.pcap")):
        outbound = p.src & CLIENT_MASK == CLIENT_NET
        path = (p.src, p.dst) if outbound else (p.dst, p.src)
        if p.kind == pcap.IKE and not p.response and outbound:
            asked.add((*path, p.spi_i, p.msgid))
        if p.kind == pcap.IKE and p.response and not outbound and (*path, p.spi_i, p.msgid) in asked:
            proven.add(path)
        if outbound and (p.src >> 8 & 255) in hosts and path not in proven and (p.kind == pcap.ESP or p.kind == pcap.IKE and
                                                p.exchange not in (pcap.INFORMATIONAL, pcap.IKE_SA_INIT)):
            count += 1
    return count


def owners_disputed(results):
    """From what the nodes that store say of owners: sessions that two had in one epoch, or one whose epoch went back. None: they say nothing."""
    owners, disputed, told = {}, set(), False
    for log in sorted(glob.glob(results.file("*", "batond.out"))):
        epochs = {}
        with open(log, encoding="utf-8", errors="replace") as f:
            for line in f:
                if "event=started" in line:
                    epochs = {}  # it has forgotten everything
                m = OWNED.search(line)
                if not m:
                    continue
                told = True
                session, owner, epoch = m[1], m[2], int(m[3])
                if owners.setdefault((session, epoch), owner) != owner or epoch < epochs.get(session, 0):
                    disputed.add((session, epoch))
                epochs[session] = epoch
    return len(disputed) if told else None


def lost_at_heir(results, traffic):
    """The clients' datagrams that are missing among those that came through the new gateway."""
    mac = results.facts.get("heir_mac")
    if not mac:
        return {}
    mac = bytes.fromhex(mac.replace(":", ""))
    times = [p.time for p in pcap.packets(results.file("wan.pcap"))
             if p.kind == pcap.ESP and p.to == mac and p.src & CLIENT_MASK == CLIENT_NET]
    missing = 0
    for arrivals in traffic["up"].values():
        seqs = {seq for t, seq in arrivals if times and t >= times[0]}
        missing += max(seqs) - min(seqs) + 1 - len(seqs) if seqs else 1
    return {"sent_to_heir": len(times), "lost_at_heir": missing}


def out_lost_at_heir(results, traffic):
    """The server's datagrams that came to the new gateway on the protected network, and those of them that no client got."""
    mac = results.facts.get("heir_protected_mac")
    if not mac:
        return {}
    mac = bytes.fromhex(mac.replace(":", ""))
    arrived = {(struct.pack("=I", flow), seq) for flow, arrivals in traffic["down"].items() for _, seq in arrivals}
    sent = [(frame[30:34], struct.unpack_from("=I", frame, 50)[0])
            for _, frame in pcap.frames(results.file("protected.pcap"))
            if frame[0:6] == mac and frame[12:15] == b"\x08\x00\x45" and frame[23] == 17
            and struct.unpack_from("!I", frame, 30)[0] & POOL_MASK == POOL and len(frame) >= 54]
    # What was on its way when the senders stopped is left out.
    last = {flow: max(seq for _, seq in arrivals) for flow, arrivals in traffic["down"].items()}
    last = {struct.pack("=I", flow): seq for flow, seq in last.items()}
    sent = [s for s in sent if s[1] <= last.get(s[0], 1 << 32)]
    return {"sent_out_to_heir": len(sent), "out_lost_at_heir": sum(s not in arrived for s in sent)}


def read_cluster(results):
    clear = esp = 0
    path = results.file("cluster.pcap")
    for p in pcap.packets(path):
        esp += p.kind == pcap.ESP
        if p.mac != OUTSIDER and p.kind not in (pcap.ESP, pcap.IKE, pcap.ARP):
            clear += 1
    return {"cluster_clear_packets": clear, "cluster_esp_packets": esp}


def counted(results, network):
    try:
        with open(results.file(network + ".counters"), encoding="utf-8") as f:
            found = re.search(r"counter esp_seen \{\s*packets (\d+)", f.read())
    except FileNotFoundError:
        return None
    return int(found.group(1)) if found else None


def takeovers(results, traffic, end, interval):
    """One entry for each failure or planned switch: who took over and how long it took."""
    moves = results.event("failure") + results.event("switch")
    moves.sort()
    times, found = {}, []
    for begin, what in moves:
        gone = what.split(" ")[1]
        heir = what.split(" ")[2] if len(what.split(" ")) > 2 else \
            {"gw-a": "gw-b", "gw-b": "gw-a"}.get(gone, "")
        until = min([t for t, what in results.events
                     if t > begin and what.split(" ")[0] in ("failure", "switch", "idle")] + [end])
        one = {"gone": gone, "heir": heir}
        notified = [t for t in results.notified(heir) if t >= begin]
        if notified:
            one["detection_ms"] = ms(notified[0] - begin)
        if until > begin and (traffic["up"] or traffic["down"]):
            g = gaps(traffic, begin, until, interval)
            if g:
                one["gap_ms"] = {"median": round(statistics.median(g), 1), "max": max(g)}
        times[heir] = times.get(heir, 0) + 1
        path = results.file(f"takeover-{heir}-{times[heir]}.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                told = json.load(f)
            for key in ("claim_ms", "retrieve_ms", "install_ms"):
                one[key] = round(told.get(key, 0), 1)
            one["taken_over"] = told.get("installed", told.get("sessions"))
        found.append(one)
    return found


def summarise(results):
    traffic, end = traffic_of(results)
    rate = results.number("rate", 50)
    interval = 1e9 / rate
    moves = results.event("failure") + results.event("switch")
    failure = min((t for t, _ in moves), default=0)
    s = {"scenario": results.facts.get("scenario", "?"), "pass": False,
         "sessions": results.number("sessions"), "lost_sessions": lost(results, traffic, end)}
    found = takeovers(results, traffic, end, interval)
    first = found[0] if found else {}
    for key in ("gap_ms", "detection_ms", "claim_ms", "retrieve_ms", "install_ms"):
        s[key] = first.get(key)
    s["gap_max_ms"] = s["gap_ms"]["max"] if s["gap_ms"] else None
    s.update(read_wan(results, failure))
    s["replays_accepted"] = duplicates(traffic)
    s.update(read_cluster(results))
    s["takeovers"] = found
    s["missing"] = missing(traffic)
    s["unverified_packets"] = unverified(results)
    s["owners_disputed"] = owners_disputed(results)
    s.update(lost_at_heir(results, traffic))
    s.update(out_lost_at_heir(results, traffic))
    s["capture_missed"] = {}
    for network, key in (("wan", "wan_esp_packets"), ("cluster", "cluster_esp_packets")):
        n = counted(results, network)
        # written were also those that came after the counting
        s["capture_missed"][network] = None if n is None else max(0, n - s[key])
    for key in ("clients", "hosts", "seed", "rate"):
        s[key] = results.number(key)
    times = [t for t, _ in results.event("begin") + results.event("end")]
    s["seconds"] = round((max(times) - min(times)) / 1e9) if times else None
    for key, value in results.facts.items():
        s.setdefault(key, int(value) if value.isdigit() else value)
    return s


def decide(results, s):
    """Adds "checks" and "pass"."""
    checks = [{"ok": state == "ok", "check": text} for state, text in results.checks]
    for text, figure, op, number in results.wire:
        value = s.get(figure)
        ok = isinstance(value, (int, float)) and getattr(operator, op)(value, float(number))
        checks.append({"ok": ok, "check": f"{text} ({figure} = {value})"})
    if "finished" not in results.facts:
        checks.append({"ok": False, "check": "the scenario came to its end"})
    s.pop("finished", None)
    s["checks"] = checks
    s["pass"] = all(c["ok"] for c in checks)


def baseline(path, scenario_path):
    """The gap of a baseline that ran with the scenario's settings, median over clients."""
    folder = os.path.join(scenario_path, path)
    if not os.path.isdir(folder):
        return None
    s = work(folder)
    return s["gap_ms"] if s["pass"] else None


def work(path):
    results = Results(path)
    s = summarise(results)
    decide(results, s)
    ha, reauth = baseline("baseline-ha", path), baseline("baseline-reauth", path)
    if ha or reauth:
        s["baseline"] = {"ha_gap_ms": ha["median"] if ha else None,
                         "reauth_gap_ms": reauth["median"] if reauth else None,
                         "ha_gap_max_ms": ha["max"] if ha else None,
                         "reauth_gap_max_ms": reauth["max"] if reauth else None}
    with open(os.path.join(path, "summary.json"), "w", encoding="utf-8") as f:
        json.dump(s, f, indent=2)
        f.write("\n")
    return s


def tell(s):
    for c in s["checks"]:
        if not c["ok"]:
            print(f"  not so: {c['check']}")
    words = [f"{s['sessions']} session(s), {s['lost_sessions']} lost"]
    if s["gap_ms"]:
        words.append(f"gap {s['gap_ms']['median']} ms (max {s['gap_ms']['max']})")
    for key in ("detection_ms", "claim_ms", "retrieve_ms", "install_ms"):
        if s.get(key) is not None:
            words.append(f"{key[:-3]} {s[key]} ms")
    if "baseline" in s:
        words.append(f"ha {s['baseline']['ha_gap_ms']} ms, reauth {s['baseline']['reauth_gap_ms']} ms")
    if any(s["capture_missed"].values()):
        words.append(f"CAPTURE MISSED {s['capture_missed']}")
    words.append(f"took {s['seconds']} s")
    print(f"{s['scenario']}: {'pass' if s['pass'] else 'fail'}: " + ", ".join(words))


def main():
    s = work(sys.argv[1])
    tell(s)
    sys.exit(0 if s["pass"] else 1)


main()
