"""What every script here shares: a check prints one JSON line; the Go side counts them and fails on any not ok."""

import json
import os
import sys
import traceback

_failed = 0


def check(name, ok, detail=""):
    """Reports one check. detail says what was seen; it is shown only when the check failed."""
    global _failed
    ok = bool(ok)
    if not ok:
        _failed += 1
    print(json.dumps({"check": name, "ok": ok, "detail": "" if ok else str(detail)[:2000]}, ensure_ascii=False), flush=True)
    return ok


def equal(name, got, want):
    return check(name, got == want, f"got {got!r}, want {want!r}")


def env(name):
    value = os.environ.get(name)
    if value is None:
        sys.exit(f"{name} is not set")
    return value


def run(*steps):
    """Runs the steps in order; one that raises is one failed check, and the next steps still run."""
    for step in steps:
        try:
            step()
        except Exception:  # noqa: BLE001 - whatever the client raises is a finding
            check(step.__name__, False, traceback.format_exc(limit=8))
    sys.exit(1 if _failed else 0)
