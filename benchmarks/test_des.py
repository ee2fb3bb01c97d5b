"""How fast the discrete-event engine is, beside bare SimPy. Nothing here asserts a time."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import simpy
from pytest_benchmark.fixture import BenchmarkFixture

from machine import kernel_rate
from scssim.engine.des import case, resource, run, world
from scssim.engine.des.calendar import Calendar
from scssim.engine.des.monitor import Monitor
from scssim.engine.des.resource import Servers
from scssim.prepare import make_job
from scssim.scenario.service import Resource
from service import loaded, simulate

PATIENTS = 10_000
ROUNDS = 5
HOUR = 1 / 365.25 / 24

NEEDED = {"resources": {"theatre": {"servers": 1000}}} | {
    f"therapies.hf10.needs.{event}": {"resource": "theatre", "duration": {"weeks": 1}} for event in ("trial", "implant")
}
"""A trial and an implant take one of a thousand servers each, so that there are requests but no waits."""


def test_lifetimes(benchmark: BenchmarkFixture) -> None:
    """Lifetimes per second of HF10 in `back_leg_uk` without limits, with fewer than 1,000 patients in the system."""
    simulate(1_000)
    before = kernel_rate()
    result = benchmark.pedantic(simulate, (PATIENTS,), rounds=3)
    assert result.patients == PATIENTS
    rate = PATIENTS / benchmark.stats["median"]
    per_million = (before + kernel_rate()) / 2
    benchmark.extra_info |= {
        "lifetimes_per_second": rate,
        "kernel_million_per_second": per_million,
        "lifetimes_per_million_of_kernel": rate / per_million,
    }


class Counter:
    """Events that the engine makes, and the time that it spends in the event loop (without plans and histories)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.timeouts = self.requests = 0
        self.seconds = self.other = 0.0
        step, make = simpy.Environment.run, world.World._open

        def timed(env: simpy.Environment, until: Any = None) -> Any:
            begun = time.perf_counter()
            try:
                return step(env, until)
            finally:
                self.seconds += time.perf_counter() - begun

        def opened(one: world.World, *arguments: Any) -> Any:
            begun = time.perf_counter()
            try:
                return make(one, *arguments)
            finally:
                self.other += time.perf_counter() - begun

        monkeypatch.setattr(simpy.Environment, "run", timed)
        monkeypatch.setattr(world.World, "_open", opened)

    def count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count from now on, which takes time of its own."""

        def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def called(*arguments: Any, **more: Any) -> Any:
                setattr(self, name, getattr(self, name) + 1)
                return function(*arguments, **more)

            return called

        timeout = counted("timeouts", simpy.Timeout)
        for module in (case, resource, world.simpy):
            monkeypatch.setattr(module, "Timeout", timeout, raising=False)
        monkeypatch.setattr(resource.Resource, "request", counted("requests", resource.Resource.request))


def bare(timeouts: int, requests: int) -> float:
    """Seconds that bare SimPy takes for as many patients, timeouts and requests, as staggered as ours."""
    each, more = divmod(timeouts, PATIENTS)
    asking, servers = requests / PATIENTS, None

    def patient(env: simpy.Environment, number: int) -> Iterator[Any]:
        asked = int(asking * (number + 1)) - int(asking * number)
        for i in range(each - 1 + (number < more)):
            if i < asked:
                with servers.request() as request:
                    yield request
                    yield env.timeout(0.02)
            else:
                yield env.timeout(1.1)

    def arrivals(env: simpy.Environment) -> Iterator[Any]:
        for number in range(PATIENTS):
            env.process(patient(env, number))
            yield env.timeout(1 / 60)

    env = simpy.Environment()
    servers = simpy.Resource(env, 1000)
    env.process(arrivals(env))
    gc.disable()
    begun = time.perf_counter()
    env.run()
    seconds = time.perf_counter() - begun
    gc.enable()
    return seconds


@pytest.mark.parametrize("needs", [{}, NEEDED], ids=["timeouts", "requests"])
def test_event_loop(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch, needs: dict[str, Any]) -> None:
    """The event loop alone against bare SimPy with as many timeouts and requests, in turns."""
    job = make_job(loaded(**needs), patients=PATIENTS, draws=0, engine="des")
    counter = Counter(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        counter.count(patch)
        run.replicate(job, 0)
    ratios = []

    def once() -> None:
        counter.seconds = counter.other = 0.0
        run.replicate(job, 0)
        ours = counter.seconds - counter.other
        ratios.append(bare(counter.timeouts, counter.requests) / ours)

    benchmark.pedantic(once, rounds=ROUNDS)
    assert counter.timeouts > 4 * PATIENTS
    benchmark.extra_info |= {
        "speed_relative_to_bare_simpy": sorted(ratios)[ROUNDS // 2],
        "timeouts_per_patient": counter.timeouts / PATIENTS,
        "requests_per_patient": counter.requests / PATIENTS,
    }


def queue(length: int, requests: int = 20_000) -> float:
    """Seconds per request to a server with a queue of a given length: each joins it, and one is served."""
    env = simpy.Environment()
    desk = Servers(env, Calendar(Resource(servers=1)), Monitor(0.0, 1.0, 0.02, None))
    desk.request(5)
    for k in range(length):
        desk.request(1 + k % 9)
    begun = time.perf_counter()
    for k in range(requests):
        desk.request(1 + k % 9)
        desk.busy -= 1
        desk.serve()
    return (time.perf_counter() - begun) / requests


def test_queue(benchmark: BenchmarkFixture) -> None:
    """A request with 10,000 in the queue against one with 100, in turns."""
    ratios = []

    def once() -> None:
        short, long = queue(100), queue(10_000)
        ratios.append(long / short)

    benchmark.pedantic(once, rounds=ROUNDS)
    benchmark.extra_info |= {"cost_of_a_request_at_10000_relative_to_100": sorted(ratios)[ROUNDS // 2]}


@pytest.mark.parametrize("patients", [10_000, 100_000])
def test_peak_of_a_service(benchmark: BenchmarkFixture, patients: int) -> None:
    """Memory of ten times as many referrals, with as many patients in the system at once."""
    pytest.importorskip("resource", reason="peak memory is measured on Unix only")
    command = [sys.executable, str(Path(__file__).parent / "service.py"), "--patients", str(patients)]
    done = benchmark.pedantic(
        subprocess.run, (command,), {"check": True, "capture_output": True, "text": True}, rounds=1
    )
    found = json.loads(done.stdout)
    assert found["peak_mb"] >= found["peak_mb_before_the_run"] > 0
    benchmark.extra_info |= found
