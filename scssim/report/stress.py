"""A scenario under the headings of the STRESS-DES checklist [1]_, in Markdown.

``python -m scssim.report.stress pain_service > docs/stress-des.md``

References
----------
.. [1] Monks T, Currie CSM, Onggo BS, Robinson S, Kunc M, Taylor SJE. Strengthening the reporting of empirical
   simulation studies: introducing the STRESS guidelines. J Simulation 2019;13:55-67.
"""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from scssim.model.parameters import Draws, bind
from scssim.scenario.load import LoadedScenario, load
from scssim.scenario.merge import shipped
from scssim.scenario.numbers import numbers
from scssim.scenario.quantity import Cost, Quantity
from scssim.scenario.schema import MECHANISMS, Continuous, Scenario, Therapy
from scssim.scenario.service import DAYS, Need, Needs, Resource
from scssim.scenario.shape import keys_of
from scssim.scenario.times import PER_YEAR, TimeToEvent
from scssim.scenario.walk import used, walk

UNSTATED = "not stated in the scenario"

PAGE = """
# STRESS-DES: {title}

Made by `python -m scssim.report.stress {name}` under the headings of the STRESS-DES checklist (Monks T, Currie CSM,
Onggo BS, Robinson S, Kunc M, Taylor SJE. Strengthening the reporting of empirical simulation studies: introducing the
STRESS guidelines. J Simulation 2019;13:55-67). Numbers are means of their distributions. Years of the service run from
the start of the period that counts, years of a patient from the referral. Equations are in `docs/model.md`.

## 1 Objectives

### 1.1 Purpose of the model

[description] {description}

[!description] {Unstated}.

The model follows patients with chronic back and leg pain one by one through strategies of care, and asks what each
strategy gains and costs{queues: when patients wait for limited resources}.

### 1.2 Model outputs

* Costs, QALYs and life years per patient, discounted at {cost_rate} (costs) and {effect_rate} (effects) a year from
  the referral of each patient, and undiscounted; incremental analysis. Perspective: {perspective}. Costs in {currency}
  at prices of {price_year}.
* Utility: {sources}. The base case is `{utility}`.
[visits] * Pain, disability, opioid dose and utility at visits, at months {visits}.
[queues] * By resource and strategy: waits in the queue (mean, median, 90th percentile, by week), share over the
  target, queue and use over time, requests that left, QALYs lost to waiting. Patients by state at the end of the
  period; flows between therapies; an event log.

### 1.3 Experimentation aims

[several] * Compare {strategies} (2.3); the reference is {reference}.
[!several] * Describe {strategies} (2.3).
[capacity] * Find how much of {capacity} is enough: {levels}, the same all through the run{target:, against a target of
  {target}}.
[draws] * Uncertainty of the numbers: {draws} draws of all uncertain ones.
[analyses] * Further analyses: {analyses}.

## 2 Logic

### 2.1 Base model overview diagram

@diagram

### 2.2 Base model logic

A patient is referred and takes the steps of a strategy in order. A step is taken if its condition holds and the
patient accepts; otherwise it is skipped. A step that is taken is one episode of a therapy: wait{queues:,
queue}{trial:, trial}, effect, end. When it has ended, the next step is looked at. After the last step there is
background care only. {Ends} ends the follow-up wherever a patient is. Everything random about an episode is drawn
beforehand, on the episode's own clock; the engine decides only when it takes place. There is no time step.

At each moment a patient is in one state: *waiting* (a wait or a queue), *in service* ({trial:in a trial, or }while a
server is held for the start of the therapy), *under treatment*, *finished* (no step left, or horizon), *died*, or
*left* (the queue for the last step was left).

**Events** that can occur in this scenario, with their names in the event log.

| event | what triggers it | what it changes | in the log
| Referral | {stream:the stream of referrals (2.5.5)}{!stream:the start of the run: everybody at once} | A patient
  enters, in the state *waiting*; the first step is looked at. | `arrival`
| Decision for a step | {decisions} | The next step whose condition holds and that is accepted is taken: its wait
  begins, the cost of its referral is charged. Steps before it are skipped. | `referral`
| End of the wait | the wait of the therapy (2.5.2) after the decision | {queues:Who needs a resource joins its queue.
  For others the}{!queues:The} therapy starts{trial: (an implant: its trial)}. |
[queues] | Joining a queue | {joins} | A request with its class enters the queue. If nobody waits and a {unit} is free,
  it is served at once. | the need (2.5.3), `schedule`
[queues] | Service | the resource is open and has a free {unit}, and the request is the first of the queue | {slots:A
  slot is used up. }{servers:A server is held. }The request leaves the queue, its wait is noted, and what was waited
  for takes place. | `start` of that
[queues] | Leaving a queue | {patience:the longest wait is over; }{ends}{closing:; for {closing}: the end of the
  therapy} | The request is taken out and counted as left.{patience: After the longest wait the next step is looked
  at.} | the need, `withdraw`
[trial] | Start of the trial | the end of the wait{need_trial: or of the queue} | The trial is charged; the state is
  *in service*. | `trial`, `start`
[trial] | End of the trial | its length is over | Success: the implant{need_later:, or its queue}. Failure: the episode
  ends. | `trial`, `complete`
| Start of effect | the end of the {starts} | The clock of the episode starts (t0); relief sets in; the start is
  charged{bridges:; a therapy that went on as a bridge ends}. | `treatment`, `start`
[reviews] | Review | the months of review (procedures: the assessment) since t0 | Recorded relief is judged. Who fails
  is stopped, with a probability (procedures: always). | only the end
[complications] | Complication | its hazard since t0; it may recur | Cost and loss of utility{revision:; may lead to a
  revision}{explant:; may end the therapy}{suspends:; may suspend relief until the revision}. | its name
[revision] | Revision | its wait after the complication{need_revision:, then its queue} | It is charged; suspended
  relief comes back. | `revision`
[loss] | Loss of effect | a random time since t0 (procedures: since each course) | Relief falls to its residual
  share{loss_stops:; the therapy may be stopped after a delay}. | `loss`
[repeat] | Repeat course | the effect of a course is lost and the least distance is over, with a probability, for who
  passed the assessment{need_repeat:; then its queue} | It is charged; relief sets in anew. | `repeat`
[device] | Depletion | the life of the device since it was put in | No relief until the replacement. | `depletion`
[device] | Replacement | its wait after the depletion{need_replacement:, then its queue} | It is charged; relief comes
  back; the life of the next device starts. | `replacement`
| End of an episode | the earliest of the ends below | The therapy stops{bridges: (or goes on as a bridge)}{closing:;
  its open requests are taken out}; the next step is looked at. | `treatment`, `complete`
[again] | Re-implant | an explant for a complication that allows it, with a probability, after a delay{need_implant:
  and a queue} | A new episode of the same therapy: no trial, the same response, new luck otherwise. | `referral`,
  `treatment`
| Way over | no step is left | Background care to {ends}, which is not in the log then. | `finish`{patience:; `leave`
  after a queue that was left}
[mortal] | Death | a time drawn at entry | Follow-up ends{queues:; a queue is left}. | `death`
| Horizon | {horizon} since the referral | Follow-up ends{queues:; a queue is left}. | `horizon`
[slots] | Opening of slots | the beginning of each opening day | New slots are there, those that were left over have
  lapsed{weekly: (by the week: on its first opening day)}; the queue is served. |
[slots] | Closing of slots | the end of each opening day | Nobody is served until the next one. |
[closes] | Opening of servers | the beginning of an opening day after a closed one | The queue is served. |
[closes] | Closing of servers | the end of an opening day before a closed one | Nobody is served; what was begun is
  finished. |
[servers] | End of service | the duration of the need is over | A server is free; the queue is served. |
[changes] | Change of capacity | year {changes} | {change_servers:Servers: at once; a busy one too many goes when it is
  free. }{change_slots:Slots: from the next new ones on.} |
[warm_up] | End of the warm-up | year 0 | Who is referred from now on counts; queues are recorded. |
[queues] | End of the period | {end} | {stream:No further referrals; }queues are not recorded any more, patients by
  state are counted. |

**Ends of an episode.** The earliest counts; of several at the same moment, the first of this list.

| end | when | in the log
[mortal] | death | a time drawn at entry, from the life table | `death`
| horizon | {horizon} since the referral | `horizon`
[trial] | failed trial | the end of the trial | `trial`, `complete`; no `treatment`
[explant] | explant (other kinds: stop) | a complication that ends the therapy | `explant`
[reviews] | stop at a review | the review that was failed (procedures: the assessment) | `review_stop`
[loss_stops] | stop after the loss | a delay after the loss of effect, with a probability | `stop_after_loss`
[max_duration] | longest duration | its end, for who does not respond then (if so stated: for all) | `max_duration`
[effect_over] | effect over | the loss of the effect of the last course of a procedure | `effect_over`
[patience] | queue left | the longest wait is over before there is an effect | the need, `withdraw`

**Ties.**

[queues] * In a queue: the lower class first; within a class, who joined earlier; of those who joined at the same
  moment, who asked first.
* Patients who are referred at the same moment enter in the order of their numbers.
* {Ends} comes before everything else of that patient.
[reviews] * A review sees the relief just before a loss of effect.
* Otherwise: in the order in which the events were put on the calendar.

### 2.3 Scenario logic

[queues] Each strategy is a policy for the whole service: everybody is treated by it. Resources, calendars and the
rules of queues are the same.

@steps

Everybody has and accepts a step of which nothing else is said. Conditions look at attributes of the patient
(`diagnosed`: the mechanism that the work-up names), at therapies whose effect has begun (`tried`), at those whose last
review was passed, or without reviews relieved a site by half (`responded`), and at the pain just before the last
episode ended (`back_vas_now`, `leg_vas_now`).

### 2.4 Algorithms

* *Events*: a calendar of future events in continuous time.{queues: *Queues*: a heap of requests for each resource.}
[poisson] * *Referrals*: exponential gaps in expected numbers, turned into times by the inverse of the expected number.
* *Random times*: the inverse of the cumulative hazard at a unit exponential, so that every ratio is a hazard ratio. A
  complication recurs where its cumulative hazard reaches the sum of further exponentials.
* *Patients*: a Gaussian copula with truncated margins. *Relief*: a mixture of responders and non-responders by a
  latent score that therapies of one group share.
* *Costs and QALYs*: integrals between events in closed form, discounted continuously.
[queues] * *Loss to waiting*: the same patients with the same luck, with queues and without (for one resource: with
  that one unlimited).

### 2.5 Components

#### 2.5.1 Entities

Patients, with these attributes at entry. No strategy changes them.{patient_file: They are read from a table, a row per
patient; what has no column there is sampled.}

@attributes

#### 2.5.2 Activities

@activities

Waits that are not random are the same for everybody{queues:; what is spent in a queue comes on top}. Further numbers
of the therapies (relief, hazards, utilities, costs) are in the list of all numbers (3.1).

#### 2.5.3 Resources

[!queues] None is limited: no therapy of a strategy needs one. Nobody queues, and the histories are those of the cohort
engine.

@resources

[resources] *Slots* are used up, one for each service; *servers* are held for the duration of the need. Day 0 is a
Monday; years have 365.25 days.{targets: A target is reported on; it changes nothing.}

@needs

#### 2.5.4 Queues

[!queues] None.

[queues] * One for each resource, for all therapies and events that need it, of any length.
[queues] * Discipline: by class (1 is served first, 9 last), within a class by the time of joining. Nobody who is being
  served is interrupted.
[slots] * Slots: the queue is served at the beginning of each opening day. Who joins later on such a day takes a slot
  that is left of it; what is left over lapses.
[servers] * Servers: the queue is served whenever a server is free and open.
[patience] * Who waits for a start, trial or implant with a longest wait leaves the queue after it and goes on to the
  next step.
[queues !patience] * Nobody gives up: no need has a longest wait.
[queues] * Waits are counted from joining the queue to the service. They belong to the period in which the queue was
  joined.

#### 2.5.5 Entry and exit points

* {entry}
[backlog] * {backlog}
* Exit: {ends}, at the latest {horizon} after the referral. Who has no step left asks for nothing any more, but costs
  and QALYs of background care are counted until then.

## 3 Data

### 3.1 Data sources

A number may name its source and a grade: *published* (printed in the source), *derived* (arithmetic on printed
numbers, in the note) or *assumed* (a judgement).

* Numbers of the service (resources, referrals, waits and needs; 3.3): {own_grades}.
[own_sources] * Their sources, by keys of the bibliography: {own_sources}.
[!own_sources] * Their sources are {unstated}.
* All numbers of the scenario that have a source: {grades}. `python -m scssim.scenario.evidence {name}` lists them with
  what was read of each source. `docs/evidence-numbers.md` is that list for `back_leg_uk`; `docs/evidence.md` says what
  the evidence of the shipped scenarios can bear.

### 3.2 Pre-processing

* Distributions are fitted so that their mean is the stated value and their spread the stated interval, standard error
  or count. Numbers that refer to others take their values.
[costs] * Printed price, price index and exchange rate are stated for {converted} of {costs} costs; for the others,
  what the notes say.
* The stated shares of responders hold on average in the population. How the shipped relief of SCS was fitted to a
  trial is in `docs/calibration.md`.

### 3.3 Input parameters

[inputs] The numbers of the service, with the central 95 % of the distribution that draws come from.

[!inputs] None: nobody waits, and everybody enters at once.

@inputs

### 3.4 Assumptions

[bridges] 1. Patients wait on bridging therapies ({bridges}): relief and yearly cost go on after the end of the
  therapy, through wait{queues:, queue}{trial: and trial}, until the next effect starts; if nothing follows, until the
  last attempt has ended.
1. Who waits without a bridging therapy has the pain of entry. Waiting itself changes nothing: neither pain,
  acceptance, the response to the next therapy, nor mortality.
[queues] 1. The wait of a therapy is spent in full before its queue is joined.
1. The clocks of an episode run from its start of effect.{need_side: Complications, loss of effect, reviews and ends
  come when they would without queues, however long a revision or replacement is waited for.}
[device] 1. A depleted device gives no relief until it is replaced. Meanwhile the therapy goes on: its yearly cost, its
  complications, its end.
[device] 1. The life of the next device starts at the replacement, so that a late one delays those after it. A device
  that runs down after the loss of effect is not replaced.
[revision] 1. {suspends:Relief that a complication suspends comes back at the revision, not before. }A therapy that has
  ended is not revised.
[need_repeat] 1. A repeat course that comes late delays those after it and the end of the effect by as much.
  Complications of the procedure stay on the undelayed clock, and there are none after the planned end.
[queues] 1. Explants take no {unit}, nor does anything else that is not in 2.5.3: it takes place when it is due.
  Nothing waits for two resources at once.
[servers] 1. A patient's next step does not wait for the release of a server. A server is held to the end of its
  duration even if the therapy or the life of the patient ends before, and after closing time or a cut of capacity.
[slots] 1. Slots that are not used lapse. There is no overbooking, and nobody fails to come.
[patience] 1. Who leaves a queue goes on to the next step that they are eligible for. The therapy counts as not tried;
  what it has cost so far (referral, trial) stays.
[queues] 1. At {ends} a queue is left{closing:, and at the end of a therapy the queues for its {closing}}.
[queues] 1. Results of a service do not depend on who serves or on how busy it is.
[queues stream] 1. After the counted period nobody new is referred. Patients are followed to their own horizon, with
  the same resources.
[warm_up] 1. Patients of the warm-up compete for resources like all others, also after it, and are not counted.
1. In each replication all strategies meet the same patients with the same luck{stream:, referred at the same
  times}.{queues: Each strategy has the whole service to itself.}
1. Horizon and discounting start at the referral of each patient. Nobody comes back to an earlier step.

## 4 Experimentation

### 4.1 Initialisation

[!stream] Everybody is there at the start. There is no warm-up.

[stream !warm_up] There is no warm-up: the run starts with {backlog:the backlog (2.5.5)}{!backlog:an empty service},
and everything counts.

[warm_up] The run starts {warm_up} before the period that counts, with {backlog:the backlog (2.5.5) in an otherwise}
{!backlog:an} empty service. Patients are referred and queues build up in this warm-up; neither is counted. How its
length was found is {unstated}, unless in the description (1.1).

### 4.2 Run length

{stream:The period that counts ends with {end}. Every patient referred in it}{!stream:Every patient} is followed for
{horizon}{stream: from the referral}{mortal:, or to death}.{queues: Queues are recorded to {end}{record_text}.}

### 4.3 Estimation approach

[draws] * {draws} draws of the uncertain numbers; each is a replication.
[!draws fixed] * {fixed}.
[!draws !fixed] * {least} to {most} replications. After {least} and each further one the run stops if the half-width of
  the 95 % interval (Student's t) of the mean wait for every resource under every strategy is at most {precision} of
  that mean, or one day.
* Replications differ in patients and their luck{poisson:, and in the times of referral}.
[several] * Differences between strategies are those of the same patients (common random numbers).
[many] * Standard errors are those between replications.
[!many] * Standard errors are those between patients{queues:. They leave out that patients of one queue depend on each
  other; more replications mend that}.
[thresholds] * Thresholds of net benefit: {thresholds} {currency} per QALY.
[ran] * {ran}.
[!ran] * What a run took (replications, patients referred) is in its `results.json`, under `service`.

## 5 Implementation

### 5.1 Software or programming language

scssim, in Python (3.11 or later), with SimPy for the calendar of events, NumPy and SciPy. A scenario is a YAML file
without code. Without queues the engine gives the histories of the cohort engine of the program; tests compare them.

### 5.2 Random sampling

Philox 4x64 gives each patient of each replication a word of 64 bits. Every random quantity has a stream of its own by
name; its uniform number is a hash of word and stream (SplitMix64). So a patient meets the same luck under every
strategy, whatever the order of events, the other therapies and the number of processes. The seed is {seed}.

### 5.3 Model execution

`scssim run {name} --engine des`. Events come one after the other in continuous time; replications are shared among
processes (`--workers`).

### 5.4 System specification

{Unstated}. `manifest.json` of a run has the versions of program, Python and packages, the operating system, the
features of the processor, and the time that it took.

## 6 Code access

### 6.1 Computer model sharing statement

scssim is free software under the MIT licence. A run writes the whole scenario, with what it extends, its hash and the
seed to `manifest.json`; saved as a file, it can be run again. Where this version of code and scenario is archived is
{unstated}.
"""
"""The page: blocks are paragraphs, lists, tables (``|``) or what is computed (``@``).

``[a !b]`` before an entry: only with a and without b. ``{a: text}``, ``{!a: text}``: the text only with (without) a.
``{a}``: what a is.
"""

SIDE = {"repeat": "repeat courses", "revision": "revisions", "replacement": "replacements"}
"""What the end of a therapy ends the wait for."""
GRADES = ("published", "derived", "assumed")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ATTRIBUTES = {
    "age": "age (years)",
    "back_vas": "back pain (0-10)",
    "leg_vas": "leg pain (0-10)",
    "odi": "ODI (0-100)",
    "opioid_mme": "opioid dose (MME a day)",
    "pain_years": "years in pain",
}
TIMES = ("mean", "sd", "median", "scale", "table", "survival")
"""What of a distribution has its unit."""
FAMILIES = {
    "weibull": "Weibull",
    "lognormal": "log-normal",
    "gompertz": "Gompertz",
    "kaplan_meier": "Kaplan-Meier table",
}
FAILED = {
    "back": "back relief below",
    "leg": "leg relief below",
    "mean": "mean relief below",
    "either": "relief of both sites below",
    "both": "relief of a site below",
}
"""Who fails a review, by its rule."""


def stress_des(loaded: LoadedScenario, service: dict[str, Any] | None = None) -> str:
    """The checklist, filled in.

    Parameters
    ----------
    loaded
        The scenario.
    service
        What a run took (``service`` of its result); None: there has been no run.

    Returns
    -------
    str
        Markdown, which depends on the scenario and the run only.
    """
    facts = _Facts(loaded)
    return _written(PAGE, facts.values(service), facts.tables())


# ----------------------------------------------------------------------- writing

ENTRY = re.compile(r"(?:\[([^\]]*)\] )?(\* |1\. |\| |@|#+ )?(.*)", re.S)
START = re.compile(r"(\[[^\]]*\] )?(\* |1\. |\| )")
OPTIONAL = re.compile(r"\{(!?\w+):((?:[^{}]|\{\w+\})*)\}")
VALUE = re.compile(r"\{(\w+)\}")


def _written(page: str, values: Mapping[str, Any], tables: Mapping[str, list[str]]) -> str:
    """A page (see `PAGE`) with its values and tables."""

    def holds(condition: str) -> bool:
        return bool(values[condition.removeprefix("!")]) != condition.startswith("!")

    def filled(text: str) -> str:
        text = OPTIONAL.sub(lambda match: match[2] if holds(match[1]) else "", text)
        return _plain(VALUE.sub(lambda match: str(values[match[1]]), text))

    lines: list[str] = []
    for block in page.strip().split("\n\n"):
        made: list[str] = []
        rows: list[list[str]] = []
        number = 0
        for entry in _entries(block):
            match = ENTRY.fullmatch(entry)
            assert match is not None
            conditions, mark, text = match[1] or "", match[2] or "", match[3]
            if not all(map(holds, conditions.split())):
                continue
            if mark == "| ":
                rows.append([filled(cell) for cell in f"{text} ".split(" | ")])
            elif mark == "@":
                made += tables[text]
            elif mark.startswith("#"):
                made.append(mark + filled(text))
            else:
                number += mark == "1. "
                made += _wrapped(filled(text), f"{number}. " if number else mark)
        made += _table(rows[0], rows[1:]) if rows else []
        lines += [*made, ""] if made else []
    return "\n".join(lines)


def _entries(block: str) -> list[str]:
    """Entries of a list or table, each on one line; or the one paragraph."""
    lines = block.split("\n")
    entries: list[str] = []
    for line in lines:
        if not entries or (START.match(lines[0]) and START.match(line)):
            entries.append(line)
        else:
            entries[-1] += f" {line.strip()}"
    return entries


def _plain(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


def _wrapped(text: str, mark: str) -> list[str]:
    return textwrap.wrap(
        text,
        119,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; nothing without rows."""
    lines = ["| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in row) + " |" for row in (columns, *rows)]
    return [lines[0], f"|{'---|' * len(columns)}", *lines[1:]] if len(lines) > 1 else []


def _listed(words: Sequence[str], last: str = "and") -> str:
    """One, two and three."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _share(x: Any) -> str:
    return f"{100 * float(x):.3g} %"


def _several(number: float, word: str) -> str:
    return f"{number:,.6g} {word}" + ("" if number == 1 else "s")


def _time(spec: TimeToEvent, bound: Any) -> str:
    """A random time in words, with the means of its numbers."""
    for unit in PER_YEAR:
        if getattr(spec, unit) is not None:
            return _several(float(getattr(bound, unit)), unit[:-1])
    ratio = "" if bound.ratio == 1 else f", hazard ratio {float(bound.ratio):.4g}"
    if spec.hazard is not None:
        return f"random, hazard {_hazard(bound.hazard)}{ratio}"
    units = {
        "mean": spec.unit, "sd": spec.unit, "median": spec.unit, "scale": spec.unit, "rate": f"per {spec.unit[:-1]}",
        "shape": "",
    }  # fmt: skip
    parts = [
        f"{name} {float(getattr(bound, name)):.4g} {unit}".strip()
        for name, unit in units.items()
        if getattr(spec, name) is not None
    ]
    parts += [f"{_share(share)} later than {time:g} {spec.unit}" for time, share in spec.survival or ()]
    if spec.table is not None:
        time, share = spec.table[-1]
        parts.append(f"{len(spec.table)} entries, the last {_share(share)} later than {time:g} {spec.unit}")
    return f"random, {FAMILIES.get(str(spec.distribution), spec.distribution)}: {', '.join(parts)}{ratio}"


def _hazard(hazard: Any) -> str:
    """A hazard per year, constant or in pieces."""
    if not isinstance(hazard, tuple):
        return f"{float(hazard):.4g} a year"
    pieces = [
        f"{float(piece.rate):.4g}" + ("" if piece.until_years is None else f" to year {piece.until_years:g}")
        for piece in hazard
    ]
    return ", then ".join(pieces) + " a year"


def _duration(bound: Any) -> str:
    """A fixed length of time in words; empty if there is none."""
    for unit in PER_YEAR:
        value = getattr(bound, unit)
        if value is not None:
            return _several(float(value), unit[:-1]) if value else ""
    raise AssertionError("a validated duration has a unit")


# ------------------------------------------------------------------ the scenario


@dataclass(frozen=True)
class _Use:
    """One need of one therapy, as stated and with means."""

    therapy: str
    event: str
    need: Need
    bound: Any


class _Facts:
    """What the page says of a scenario.

    Parameters
    ----------
    loaded
        The scenario.

    Attributes
    ----------
    therapies
        Those that a strategy uses.
    bound
        The scenario with the means of its numbers.
    uses
        Needs of these therapies.
    limited
        Resources that are needed.
    """

    def __init__(self, loaded: LoadedScenario) -> None:
        self.scenario: Scenario = loaded.scenario
        self.name = loaded.name if loaded.name in shipped() else shlex.quote(loaded.path.name)
        taken = {step.therapy for strategy in self.scenario.strategies.values() for step in strategy.steps}
        self.therapies = {name: one for name, one in self.scenario.therapies.items() if name in taken}
        self.bound = bind(self.scenario, Draws(0, 0, {}))
        self.uses = [
            _Use(name, event, need, getattr(self.bound.therapies[name].needs, event))
            for name, therapy in self.therapies.items()
            for event in Needs.model_fields
            if (need := getattr(therapy.needs, event)) is not None
        ]
        asked = {use.need.resource for use in self.uses}
        self.limited = {name: one for name, one in self.scenario.resources.items() if name in asked}
        self.ends = "the horizon" if self.scenario.population.mortality.life_table is None else "death or the horizon"
        psa = self.scenario.analyses.psa
        self.draws = 0 if psa is None else psa.draws
        self.patients = (psa.patients if psa is not None else None) or self.scenario.settings.patients

    def therapy(self, name: str) -> str:
        """Label of a therapy, or its id."""
        return _plain(self.scenario.therapies[name].label or f"`{name}`")

    def resource(self, name: str) -> str:
        """Label of a resource, or its id."""
        return _plain(self.scenario.resources[name].label or f"`{name}`")

    def needed(self, *events: str) -> list[str]:
        """Labels of the resources that some events need."""
        return list(dict.fromkeys(self.resource(use.need.resource) for use in self.uses if use.event in events))

    def values(self, service: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the text of the page asks for: words, and whether something is there."""
        scenario = self.scenario
        settings, costs = scenario.settings, [q for _, q in walk(used(scenario)) if isinstance(q, Cost)]
        horizon = settings.horizon_years
        names = [f"*{_plain(scenario.strategy_label(name))}*" for name in scenario.strategies]
        utilities = scenario.utilities.sources
        inputs = list(_inputs(self))
        sources = sorted({one.said.source for one in inputs if one.said.source})
        every = Counter("copied" if not n.grade and n.value.startswith("as `") else n.grade for n in numbers(scenario))
        own: Counter[str] = Counter()
        for one in inputs:
            own["copied" if one.ref else one.said.grade] += one.count
        return {
            "title": _plain(scenario.title), "name": self.name, "description": scenario.description or "",
            "unstated": UNSTATED, "Unstated": _upper(UNSTATED), "ends": self.ends, "Ends": _upper(self.ends),
            "mortal": self.ends != "the horizon",
            "horizon": "a lifetime (until age 110)" if isinstance(horizon, str) else _several(horizon, "year"),
            "perspective": settings.perspective, "currency": settings.currency, "price_year": settings.price_year,
            "cost_rate": _share(settings.discount_rate.costs), "effect_rate": _share(settings.discount_rate.effects),
            "sources": _listed(
                [f"{one.label or f'`{key}`'} ({one.instrument}; {one.tariff})" for key, one in utilities.items()]
            ),
            "utility": settings.utility or next(iter(utilities)),
            "visits": ", ".join(f"{month:g}" for month in settings.visit_months),
            "several": len(names) > 1, "strategies": _listed(names),
            "reference": f"*{_plain(scenario.strategy_label(scenario.reference))}*", "seed": settings.seed,
            "thresholds": _listed([f"{x:,.6g}" for x in settings.willingness_to_pay]),
            "patient_file": scenario.population.file is not None, "inputs": bool(inputs),
            "own_grades": _graded(own), "grades": _graded(every),
            "own_sources": _codes(sources), "costs": len(costs),
            "converted": sum(q.original is not None for q in costs),
            **self._therapies(), **self._service(), **self._analyses(), **self._replications(service),
        }  # fmt: skip

    def _therapies(self) -> dict[str, Any]:
        """What therapies have and need."""
        therapies = self.therapies.values()
        strategies = self.scenario.strategies.values()
        before = {step.therapy for strategy in strategies for step in strategy.steps[:-1]}
        bridges = [
            self.therapy(n) for n, t in self.therapies.items() if n in before and t.kind == "continuous" and t.bridge
        ]
        trial, patience = any(t.trial for t in therapies), any(use.need.max_wait is not None for use in self.uses)
        decisions = [
            "the referral", "the end of an episode", *(["a failed trial"] if trial else []),
            *(["a queue that was left"] if patience else []),
        ]  # fmt: skip
        joins = [
            *(["the end of the wait"] if self.entering() else []),
            *(["the end of a successful trial"] if self.implanting() else []),
            *(["a repeat course, revision or replacement that is due"]
              if self.needed("repeat", "revision", "replacement") else []),
            *(["the delay of a re-implant"] if self.again and self.needed("implant") else []),
        ]  # fmt: skip
        return {
            "trial": trial, "patience": patience, "reviews": any(t.review or t.assess for t in therapies),
            "complications": any(t.complications for t in therapies), "revision": self.complication("revision"),
            "explant": self.complication("explant"), "suspends": self.complication("relief_lost"),
            "loss": any(t.loss_of_effect for t in therapies), "repeat": self.repeats, "again": self.again,
            "loss_stops": any(t.loss_of_effect and t.kind != "procedure" for t in therapies),
            "effect_over": any(t.loss_of_effect and t.kind == "procedure" for t in therapies),
            "max_duration": any(t.max_duration for t in therapies), "device": any(t.device for t in therapies),
            "bridges": _listed(bridges), "joins": _listed(joins, "or"), "decisions": _listed(decisions, "or"),
            "starts": _listed(["wait", *(["queue"] if self.uses else []), *(["trial"] if trial else [])], "or"),
            "need_trial": self.needed("trial"), "need_implant": self.needed("implant"), "need_later": self.implanting(),
            "need_repeat": self.needed("repeat"), "need_revision": self.needed("revision"),
            "need_replacement": self.needed("replacement"), "need_side": self.needed("revision", "replacement"),
            "closing": _listed([word for event, word in SIDE.items() if self.needed(event)]),
        }  # fmt: skip

    def entering(self) -> bool:
        """Whether a therapy has a queue after its wait."""
        return bool(self.needed("start", "trial")) or any(
            use.event == "implant" and self.therapies[use.therapy].trial is None for use in self.uses
        )

    def implanting(self) -> bool:
        """Whether a therapy has a queue after its trial."""
        return any(use.event == "implant" and self.therapies[use.therapy].trial is not None for use in self.uses)

    def complication(self, what: str) -> bool:
        """Whether a complication may lead to something."""
        return any(
            _possible(getattr(one, what), getattr(self.bound.therapies[name].complications[key], what))
            for name, therapy in self.therapies.items()
            for key, one in therapy.complications.items()
        )

    @property
    def repeats(self) -> bool:
        """Whether procedures are repeated."""
        return any(t.repeat is not None and t.repeat.courses > 1 for t in self.therapies.values())

    @property
    def again(self) -> bool:
        """Whether there are new implants after explants."""
        return any(
            therapy.reimplant
            and one.reimplant
            and _possible(one.explant, self.bound.therapies[name].complications[key].explant)
            for name, therapy in self.therapies.items()
            for key, one in therapy.complications.items()
        )

    def _service(self) -> dict[str, Any]:
        """Resources and referrals."""
        service, limited = self.scenario.service, self.limited.values()
        arrivals = service.arrivals
        servers = [one for one in limited if one.servers is not None]
        slots = [one for one in limited if one.slots is not None]
        changes = sorted(
            {level.until_years for one in limited for level in one.capacity if level.until_years is not None}
        )
        backlog = ""
        if service.backlog:
            count = "They do not count" if service.warm_up_years else "They count"
            backlog = f"Backlog: {_several(service.backlog, 'patient')} are there when the run starts. {count}."
        return {
            "queues": bool(self.uses), "stream": arrivals is not None, "servers": servers, "slots": slots,
            "unit": " or ".join(word for word, there in (("slot", slots), ("server", servers)) if there),
            "weekly": any(one.per == "week" for one in slots), "closes": any(not _always(one) for one in servers),
            "changes": _listed([f"{year:g}" for year in changes]),
            "change_servers": any(len(one.capacity) > 1 for one in servers),
            "change_slots": any(len(one.capacity) > 1 for one in slots), "resources": bool(self.scenario.resources),
            "targets": any(one.target for one in self.scenario.resources.values()),
            "poisson": arrivals is not None and arrivals.schedule is None and arrivals.pattern == "poisson",
            "entry": self._entry(), "backlog": backlog, "end": self._end(),
            "warm_up": _several(service.warm_up_years, "year") if service.warm_up_years else "",
            "record_text": f", as averages over {_several(days, 'day')}" if (days := service.record_days) else "",
        }  # fmt: skip

    def _end(self) -> str:
        """When the period that counts ends."""
        service = self.scenario.service
        if service.years is not None:
            return f"year {service.years:g}"
        return "the horizon" if service.arrivals is None else f"the last of {self.patients:,} referrals"

    def _entry(self) -> str:
        """How patients come."""
        service = self.scenario.service
        arrivals = service.arrivals
        if arrivals is None:
            return f"A closed cohort: {_several(self.patients, 'patient')} enter at once, at the start of the run."
        if arrivals.schedule is not None:
            dates = [f"{_several(one.patients, 'patient')} on day {one.day:g}" for one in arrivals.schedule]
            if len(dates) > 6:
                total = sum(one.patients for one in arrivals.schedule)
                dates = [f"{_several(total, 'patient')} on {len(dates)} days"]
            again = "" if arrivals.every_days is None else f", again every {_several(arrivals.every_days, 'day')}"
            return f"Referrals by a schedule from the start of the run: {_listed(dates)}{again}."
        pattern = "at random (Poisson)" if arrivals.pattern == "poisson" else "at equal distances"
        growth = ", the same in every year"
        if arrivals.growth:
            word = "growing" if arrivals.growth > 0 else "falling"
            growth = f", {word} by {_share(abs(arrivals.growth))} a year"
            growth += ", also in the warm-up" if service.warm_up_years else ""
        return f"Referrals {pattern}: {arrivals.per_year:,.6g} a year at the start of the period that counts{growth}."

    def _analyses(self) -> dict[str, Any]:
        """What is asked of the model beside the base case."""
        asked = self.scenario.analyses
        there = {
            "one-way sensitivity": asked.dsa, "two-way sensitivity": asked.two_way, "thresholds": asked.thresholds,
            "value of information": asked.evppi, f"variants ({_codes(asked.variants)})": asked.variants,
            f"subgroups ({_codes(asked.subgroups)})": asked.subgroups, "extrapolation": asked.extrapolation,
            "budget impact": asked.budget,
        }  # fmt: skip
        found = {
            "capacity": "",
            "levels": "",
            "target": "",
            "analyses": _listed([n for n, one in there.items() if one]),
        }
        if asked.capacity is not None:
            resource = self.scenario.resources[asked.capacity.resource]
            target = asked.capacity.target or resource.target
            levels = _listed([str(level) for level in asked.capacity.levels], "or")
            found["capacity"] = f"*{self.resource(asked.capacity.resource)}*"
            found["levels"] = f"{levels} {_unit(resource)}"
            found["target"] = (
                "" if target is None else f"{_share(target.share)} within {_several(target.weeks, 'week')}"
            )
        return found

    def _replications(self, ran: Mapping[str, Any] | None) -> dict[str, Any]:
        """How often the model is run, and what a run took."""
        rule = self.scenario.service.replications
        took = ""
        if ran is not None:
            warm_up, before = float(ran.get("warm_up_years") or 0), float(ran.get("referred_in_warm_up") or 0)
            took = f"The run took {_several(ran['replications'], 'replication')}"
            took += f" of {_several(float(ran['years']), 'year')}"
            took += f" after {_several(warm_up, 'year')} of warm-up" if warm_up else ""
            took += f"; on average {_several(float(ran['referred']), 'patient')} counted in each"
            took += f", after {before:,.6g} referred in the warm-up" if before else ""
        return {
            "draws": f"{self.draws:,}" if self.draws else "",
            "fixed": "" if rule.number is None else _several(rule.number, "replication"),
            "least": rule.least, "most": rule.most, "precision": _share(rule.precision),
            "many": bool(self.draws) or rule.number is None or rule.number > 1, "ran": took,
        }  # fmt: skip

    def tables(self) -> dict[str, list[str]]:
        """What is computed of the page, by name."""
        resources = self.scenario.resources.items()
        wait = "wait before the queue" if self.uses else "wait"
        return {
            "diagram": _diagram(self),
            "steps": _table(("strategy", "steps"), _steps(self)),
            "attributes": _table(("attribute", "values"), _attributes(self)),
            "activities": _table(
                ("therapy", "kind", wait, "ends by itself", "on the way"),
                (
                    _activity(self.therapy(name), one, self.bound.therapies[name])
                    for name, one in self.therapies.items()
                ),
            ),
            "resources": _table(
                ("resource", "capacity", "open", "waiting-time target"),
                (_resource(name, one, name in self.limited) for name, one in resources),
            ),
            "needs": _table(("resource", "class", "need", "held for", "longest wait", "therapies"), _needs(self)),
            "inputs": _table(("number", "value", "grade", "source", "note"), _input_rows(self)),
        }


def _possible(given: Any, bound: Any) -> bool:
    """Whether something is the case, or may be in a draw."""
    return bool(given.uncertain or bound > 0) if isinstance(given, Quantity) else bool(given)


def _always(resource: Resource) -> bool:
    return len(set(resource.open)) == len(DAYS) and not resource.closed_weeks


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# ------------------------------------------------------------------------ tables


def _diagram(facts: _Facts) -> list[str]:
    """The way of a patient, as a Mermaid flowchart."""

    def node(name: str, text: str, shape: str = "[]") -> str:
        half = len(shape) // 2
        quoted = text.replace('"', "'").replace("`", "")
        return f'{name}{shape[:half]}"{quoted}"{shape[half:]}'

    def queue(name: str, *events: str) -> str:
        return node(name, f"Queue: {', '.join(facts.needed(*events))}", "[//]")

    waits, ways, later = set(), set(), set()  # needs before the therapy; (queued, then); what follows a trial
    for name, therapy in facts.therapies.items():
        events = {use.event for use in facts.uses if use.therapy == name}
        if therapy.trial is None:
            waits |= events & {"start", "implant"}
            ways.add((bool(events & {"start", "implant"}), "effect"))
        else:
            waits |= events & {"trial"}
            ways.add(("trial" in events, "trial"))
            later.add("implanting" if "implant" in events else "effect")
    rows = [
        node("effect", "Therapy in effect"),
        f"{node('referral', 'Referral', '([])')} --> {node('step', 'Next step: condition and acceptance', '{}')}",
        'step -->|"skipped"| step',
        f'step -->|"no step left"| {node("background", f"Background care to {facts.ends}", "([])")}',
        f'step -->|"taken"| {node("wait", "Wait of the therapy")}',
    ]
    if waits:
        rows.append(f'wait -->|"needs a resource"| {queue("queue", *waits)}')
    for queued, then in sorted(ways, reverse=True):
        labels = ["needs none"] if waits and not queued else []
        labels += ["has a trial"] if then == "trial" and len({one for _, one in ways}) > 1 else []
        label = f'|"{", ".join(labels)}"| ' if labels else " "
        target = node("trial", "Screening trial") if then == "trial" else "effect"
        rows.append(f"{'queue' if queued else 'wait'} -->{label}{target}")
    if later:
        rows.append('trial -->|"fails"| step')
    if "implanting" in later:
        rows.append(f'trial -->|"succeeds"| {queue("implanting", "implant")} --> effect')
    if "effect" in later:
        rows.append('trial -->|"succeeds"| effect')
    for event in ("start", "trial", "implant"):
        if any(use.event == event and use.need.max_wait is not None for use in facts.uses):
            left = "queue" if event in waits else "implanting"
            rows.append(f'{left} -->|"longest wait over"| step')
    loops = (
        ("repeat", facts.repeats, "effect of a course lost", "Repeat course"),
        ("revision", facts.complication("revision"), "complication", "Revision"),
        ("replacement", any(one.device for one in facts.therapies.values()), "device runs down", "Replacement"),
    )
    for event, there, why, what in loops:
        if there:
            via = f"{queue(f'{event}s', event)} --> " if facts.needed(event) else ""
            rows.append(f'effect -->|"{why}"| {via}{node(event, what)} --> effect')
    if facts.again:
        then = "implanting" if "implanting" in later else "queue" if "implant" in waits else "effect"
        rows.append(f'effect -->|"explant, new implant"| {node("delay", "Delay of the re-implant")} --> {then}')
    rows.append('effect -->|"end of the episode"| step')
    return ["```mermaid", "flowchart TD", *(f"    {row}" for row in dict.fromkeys(rows)), "```"]


def _steps(facts: _Facts) -> Iterator[tuple[str, str]]:
    for name, strategy in facts.scenario.strategies.items():
        texts = []
        for i, (step, bound) in enumerate(
            zip(strategy.steps, facts.bound.strategies[name].steps, strict=True), start=1
        ):
            text = f"{i}. {facts.therapy(step.therapy)}"
            text += "" if step.if_ is None else f", if `{_plain(step.if_)}`"
            text += "" if bound.acceptance == 1 else f", accepted by {_share(bound.acceptance)}"
            texts.append(text)
        yield strategy.label or f"`{name}`", "; ".join(texts)


def _attributes(facts: _Facts) -> Iterator[tuple[str, str]]:
    population, bound = facts.scenario.population, facts.bound.population
    for key, label in ATTRIBUTES.items():
        yield label, _continuous(getattr(population, key))
    yield (
        "women; depression; previous surgery",
        "; ".join(_share(x) for x in (bound.female, bound.depression, bound.prior_surgery)),
    )
    yield "pain mechanism", ", ".join(f"{m} {_share(getattr(bound.mechanism, m))}" for m in MECHANISMS)
    right = "the true one"
    if population.diagnosis is not None:
        rows = [(m, getattr(getattr(bound.diagnosis.confusion, m), m)) for m in MECHANISMS]
        right = f"the true one if {', '.join(f'{m} in {_share(p)}' for m, p in rows)}"
    yield "diagnosed mechanism", right
    for name, one in population.covariates.items():
        yield f"`{name}`", _share(bound.covariates[name].probability) if one.values is None else _continuous(one.values)
    pairs = [f"{a}-{b} {value:g}" for a, others in population.correlation.items() for b, value in others.items()]
    yield "correlations (normal scores)", ", ".join(pairs) or "none"
    table = population.mortality.life_table
    ratio = f"mortality ratio {float(bound.mortality.smr):g}"
    yield "time of death", "nobody dies" if table is None else f"life table `{Path(table).name}`, {ratio}"


def _continuous(spec: Continuous) -> str:
    if spec.distribution == "fixed":
        return f"{spec.mean:g} (everybody)"
    if spec.distribution == "uniform":
        return f"uniform from {spec.min:g} to {spec.max:g}"
    bounds = "".join(f", {word} {x:g}" for word, x in (("at least", spec.min), ("at most", spec.max)) if x is not None)
    zero = f"; 0 for {_share(spec.zero)}" if spec.zero else ""
    return f"{FAMILIES.get(spec.distribution, spec.distribution)}, mean {spec.mean:g}, SD {spec.sd:g}{bounds}{zero}"


def _activity(label: str, therapy: Therapy, bound: Any) -> tuple[str, str, str, str, str]:
    wait = _time(therapy.wait, bound.wait)
    ends, others = ("; ".join(texts(therapy, bound)) or "nothing" for texts in (_ends, _on_the_way))
    return label, therapy.kind, "none" if wait.startswith("0 ") else wait, ends, others


def _ends(therapy: Therapy, bound: Any) -> Iterator[str]:
    """What ends an episode of a therapy by itself."""
    if therapy.review is not None:
        failed = f"{FAILED[therapy.review.rule]} {_share(therapy.review.threshold)}"
        months = _listed([f"{month:g}" for month in therapy.review.months])
        yield f"review at month {months} ({failed}: stopped with {_share(bound.review.stop)})"
    if therapy.assess is not None:
        failed = f"{FAILED[therapy.assess.rule]} {_share(therapy.assess.threshold)}"
        yield f"assessment after {_several(therapy.assess.weeks, 'week')} ({failed})"
    if therapy.loss_of_effect is not None and therapy.kind == "procedure":
        yield "effect over"
    elif therapy.loss_of_effect is not None:
        delay = _duration(bound.loss_of_effect.delay)
        later = f", {delay} later" if delay else ""
        yield f"loss of effect (stopped with {_share(bound.loss_of_effect.stop_after_loss)}{later})"
    if therapy.max_duration is not None:
        who = "everybody" if therapy.stop_responders else "who does not respond"
        yield f"{who} after {_duration(bound.max_duration) or 'no time'}"
    stops = [
        _complication(therapy, key)
        for key, one in therapy.complications.items()
        if _possible(one.explant, bound.complications[key].explant)
    ]
    if stops:
        yield f"{'explant' if therapy.kind == 'implant' else 'stopped'} for {_listed(stops, 'or')}"


def _on_the_way(therapy: Therapy, bound: Any) -> Iterator[str]:
    """What else happens in an episode."""
    if therapy.trial is not None:
        yield f"trial of {_several(float(bound.trial.days), 'day')}, {_share(bound.trial.success)} succeed"
    if therapy.repeat is not None and therapy.repeat.courses > 1:
        least = _several(therapy.repeat.min_months, "month")
        chance = _share(bound.repeat.probability)
        yield f"up to {therapy.repeat.courses} courses, {least} apart or more, each with {chance}"
    for key, one in therapy.complications.items():
        own, text = bound.complications[key], _complication(therapy, key)
        if _possible(one.revision, own.revision):
            wait = _duration(own.revision_wait)
            text += f" (revision in {_share(own.revision)}{f', {wait} later' if wait else ''})"
        yield text
    if therapy.device is not None:
        wait = _duration(bound.device.replacement_wait)
        life = _time(therapy.device.life, bound.device.life)
        yield f"device that runs down (life: {life}) and is replaced {f'{wait} later' if wait else 'at once'}"
    if therapy.reimplant is not None:
        delay, chance = _duration(bound.reimplant.delay) or "at once", _share(bound.reimplant.probability)
        yield f"re-implant with {chance}, {delay} after the explant, at most {therapy.reimplant.most}"


def _complication(therapy: Therapy, key: str) -> str:
    label = _plain(therapy.complications[key].label or key.replace("_", " "))
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _resource(name: str, resource: Resource, needed: bool) -> tuple[str, str, str, str]:
    days = "every day"
    if len(set(resource.open)) < len(DAYS):
        days = _listed([long for day, long in zip(DAYS, LONG_DAYS, strict=True) if day in resource.open])
    weeks = [str(week) for week in sorted(set(resource.closed_weeks))]
    if weeks:
        days += f"; closed in week{'s' if len(weeks) > 1 else ''} {_listed(weeks)} of each year"
    label = f"{resource.label} (`{name}`)" if resource.label else f"`{name}`"
    label += "" if needed else ", which nobody needs"
    return label, _capacity(resource), days, _target(resource) or "none"


def _target(resource: Resource) -> str:
    target = resource.target
    return "" if target is None else f"{_share(target.share)} within {_several(target.weeks, 'week')}"


def _unit(resource: Resource, number: int = 2) -> str:
    """What a capacity is counted in."""
    word = "server" if resource.servers is not None else "slot"
    per = "" if word == "server" else " per week" if resource.per == "week" else " per opening day"
    return word + ("" if number == 1 else "s") + per


def _capacity(resource: Resource) -> str:
    """Capacity over time."""
    pieces = [
        f"{level.number}" + ("" if level.until_years is None else f" to year {level.until_years:g}")
        for level in resource.capacity
    ]
    return f"{', then '.join(pieces)} {_unit(resource, resource.capacity[-1].number)}"


def _needs(facts: _Facts) -> list[tuple[str, ...]]:
    """Needs by resource and class; therapies with the same need share a row."""
    order = list(facts.scenario.resources)
    rows: dict[tuple[str, ...], list[str]] = {}
    for use in sorted(facts.uses, key=lambda use: (order.index(use.need.resource), use.need.priority)):
        need, event = use.need, f"`{use.event}`"
        if use.event == "implant" and facts.therapies[use.therapy].reimplant is not None:
            event += " (also of re-implants)"
        held = "one slot" if need.duration is None else _time(need.duration, use.bound.duration)
        most = "none" if need.max_wait is None else _time(need.max_wait, use.bound.max_wait)
        row = facts.resource(need.resource), str(need.priority), event, held, most
        rows.setdefault(row, []).append(facts.therapy(use.therapy))
    return [(*row, ", ".join(therapies)) for row, therapies in rows.items()]


# ------------------------------------------------------------ numbers of the service


class _Said(NamedTuple):
    """What is said of a number; empty where nothing is."""

    source: str = ""
    grade: str = ""
    note: str = ""


NOTHING = _Said()


@dataclass(frozen=True)
class _Input:
    """Numbers of the service that stand together, with what is said of them.

    Attributes
    ----------
    path, value
        Where they stand, and what they are.
    said
        Source, grade and note.
    count
        How many numbers they are.
    ref
        The number whose value it takes; empty: it has its own.
    """

    path: str
    value: str
    said: _Said = NOTHING
    count: int = 1
    ref: str = ""


def _inputs(facts: _Facts) -> Iterator[_Input]:
    """Numbers of resources, referrals, waits and needs that the scenario states."""
    scenario = facts.scenario
    for name, resource in scenario.resources.items():
        target = _target(resource)
        value = _capacity(resource) + (f"; target {target}" if target else "")
        yield _Input(f"resources.{name}", value, _said(resource), len(resource.capacity) + 2 * bool(target))
    arrivals = scenario.service.arrivals
    if arrivals is not None:
        if arrivals.schedule is not None:
            value, count = _upper(facts._entry().partition(": ")[2].rstrip(".")), len(arrivals.schedule)
            count += arrivals.every_days is not None
        else:
            value = f"{arrivals.per_year:,.6g} a year" + (f", growth {arrivals.growth:g}" if arrivals.growth else "")
            count = 1 + bool(arrivals.growth)
        yield _Input("service.arrivals", value, _said(arrivals), count)
        if scenario.service.backlog:
            yield _Input("service.backlog", _several(scenario.service.backlog, "patient"))
    for name, therapy in facts.therapies.items():
        for path, node, said in _waits(name, therapy):
            yield from _stated(node, path, said, facts.bound)


def _input_rows(facts: _Facts) -> list[tuple[str, ...]]:
    """Numbers of the service as a table; those that a therapy has from another one share a row."""
    quantities = dict(walk(facts.scenario))
    grades = {number.path: number.grade for number in numbers(facts.scenario)}
    rows: dict[tuple[str, ...], list[str]] = {}
    for one in _inputs(facts):
        path, value, ref, grade = one.path, one.value, one.ref, one.said.grade or UNSTATED
        while ref and not grades.get(ref) and quantities[ref].ref is not None:
            ref = str(quantities[ref].ref)
        if ref:
            grade = f"{grades.get(ref) or UNSTATED} (there)"
        same = ref and re.fullmatch(r"therapies\.\w+(\..*)", path)
        if same and one.ref.endswith(same[1]):
            path, value = path.removesuffix(same[1]), f"`{same[1][1:]}` {value}"
        key = path, one.ref.removesuffix(same[1]) if same else one.ref, grade, one.said.source, one.said.note
        rows.setdefault(key, []).append(value)
    return [
        (f"`{path}`", ", ".join(values) + (f" (as `{ref}`)" if ref else ""), *said)
        for (path, ref, *said), values in rows.items()
    ]


def _said(block: Any, above: _Said = NOTHING) -> _Said:
    """Source, grade and note of a block, else of the one that it stands in."""
    return _Said(*(getattr(block, key, None) or before for key, before in above._asdict().items()))


def _waits(name: str, therapy: Therapy) -> Iterator[tuple[str, Any, _Said]]:
    """Waits and needs that a therapy states: path, what stands there, and what is said above it."""
    parts: list[tuple[str, Any, str]] = [("", therapy, "wait"), ("trial", therapy.trial, "days")]
    parts += [(f"complications.{key}", one, "revision_wait") for key, one in therapy.complications.items()]
    parts += [("reimplant", therapy.reimplant, "delay"), ("device", therapy.device, "replacement_wait")]
    needs = [(f"needs.{event}", getattr(therapy.needs, event)) for event in Needs.model_fields]
    parts += [(place, need, part) for place, need in needs for part in ("duration", "max_wait")]
    for place, block, part in parts:
        if block is None:
            continue
        path, stated = ".".join(key for key in ("therapies", name, place, part) if key), part in block.model_fields_set
        if stated and getattr(block, part) is not None:
            yield path, getattr(block, part), _said(block)
        elif part == "days":
            yield path, block.days, _Said(note="Default of the program.")


def _stated(node: Any, path: str, said: _Said, bound: Any, unit: str = "") -> Iterator[_Input]:
    """Numbers that are stated below a node; those that are times of a distribution have a unit."""
    key = path.rpartition(".")[2]
    if isinstance(node, BaseModel):
        said = _said(node, said)
    if isinstance(node, Quantity):
        mean = _mean(bound, path) if node.distribution is None else node.distribution.mean
        value = _several(mean, key[:-1]) if key in PER_YEAR else f"{mean:.6g} {unit}".strip()
        if node.uncertain and node.distribution is not None and node.interval is not None:
            low, high = node.interval
            value += f" ({low:.4g} to {high:.4g}, {node.distribution.family})"
        if node.times is not None:
            yield from _stated(node.times, f"{path}.times", said, bound)
            value += " with that ratio"
        yield _Input(path, value, NOTHING if node.ref else said, ref=node.ref or "")
    elif isinstance(node, BaseModel):
        for inner, name in keys_of(type(node)).items():
            if name in node.model_fields_set:
                unit = node.unit if isinstance(node, TimeToEvent) and inner in TIMES else ""
                yield from _stated(getattr(node, name), f"{path}.{inner}", said, bound, unit)
    elif isinstance(node, tuple) and key in ("table", "survival"):
        yield _Input(path, ", ".join(f"[{time:g}, {share:g}]" for time, share in node) + f" ({unit})", said, len(node))
    elif isinstance(node, tuple):
        for i, child in enumerate(node):
            yield from _stated(child, f"{path}.{i}", said, bound)


def _mean(bound: Any, path: str) -> float:
    """The number at a path of the bound scenario."""
    for key in path.split("."):
        if isinstance(bound, dict):
            bound = bound[key]
        else:
            bound = bound[int(key)] if isinstance(bound, tuple) else getattr(bound, key)
    return float(bound)


def _graded(count: Mapping[str, int]) -> str:
    """How many numbers have which grade."""
    parts = [f"{count.get(grade, 0)} {grade}" for grade in GRADES]
    parts += [f"{count['']} without a grade"] if count.get("") else []
    return ", ".join(parts) + (f"; {count['copied']} take the value of another" if count.get("copied") else "")


if __name__ == "__main__":
    sys.stdout.write(stress_des(load(sys.argv[1] if len(sys.argv) > 1 else "pain_service")))
