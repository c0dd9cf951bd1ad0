"""Texts of accords for the tests: every table that an accord may have, and strategies that vary them."""

from __future__ import annotations

NORTH, SOUTH = "ab" * 32, "cd" * 32
NORTH_AUTHORITY, SOUTH_AUTHORITY = "12" * 32, "34" * 32

SHORT = f"""
name = "strait"
version = 1
disclosure = "full"
valid = {{ start = 2025-06-01T00:00:00Z, end = 2025-06-02T00:00:00Z }}
parties = [{{ name = "north", public_key = "{NORTH}" }}, {{ name = "south", public_key = "{SOUTH}" }}]
minima.default = {{ horizontal = "5 NM", vertical = "1000 ft" }}
"""

FULL = f"""
name = "strait-2025"
version = 2
disclosure = "cell"
free_text = true

[valid]
start = 2025-06-01T00:00:00Z
end = 2025-07-01T00:00:00Z

[[parties]]
name = "north"
public_key = "{NORTH}"
authority_key = "{NORTH_AUTHORITY}"
posts = ["watch", "senior", "command"]
telephones = [{{ post = "watch", number = "+41 22 730 5111" }}, {{ post = "senior", number = "+41-22-730-5112" }}]

[[parties]]
name = "south"
public_key = "{SOUTH}"
authority_key = "{SOUTH_AUTHORITY}"
posts = ["watch", "senior", "command"]

[minima.default]
horizontal = "5 NM"
vertical = "1000 ft"

[[minima.by_class]]
classes = ["crewed", "uncrewed"]
horizontal = "1 NM"
vertical = "500 ft"
time = "30 s"

[area]
polygon = {{ kind = "polygon", vertices = [
    {{ latitude_deg = 34.0, longitude_deg = 19.0 }},
    {{ latitude_deg = 34.0, longitude_deg = 21.5 }},
    {{ latitude_deg = 35.25, longitude_deg = 20.0 }},
] }}
[area.altitude]
lower = {{ value = 0, unit = "FL", reference = {{ kind = "standard" }} }}
upper = {{ value = 600, unit = "FL", reference = {{ kind = "standard" }} }}

[horizons]
pre_tactical = "20 min"
tactical = "3 min"

[[horizon_minima]]
horizon = "tactical"
horizontal = "3 NM"
vertical = "700 ft"

[[horizon_minima]]
horizon = "tactical"
classes = ["crewed", "uncrewed"]
horizontal = "0.5 NM"
vertical = "450 ft"
time = "10 s"

[lead_times]
default = "1 h"
our_aircraft_here = "routine"
keep_out = "emergency"
closed_to_all = "5 d"

[[disclosure_rules]]
level = "trajectory"
horizon = "tactical"
kind = "route"

[[disclosure_rules]]
level = "volume"
horizon = "tactical"
aircraft_class = "uncrewed"
by = "north"
to = "south"

[disclosure_grid]
cell_deg = 0.25
bracket = "30 min"
block = "2000 ft"

[disclosure_budget]
exact_answers = 40
epoch = "1 d"
exact_answers_per_plan_hour = 2
age = "5 min"
batch = "0 s"
lead = "90 min"
grain = "cell"

[radio]
check_every = "1 d"
[[radio.channels]]
use = "primary"
frequency = "121.5 MHz"
[[radio.channels]]
use = "reserve"
frequency = "4125 kHz"
language = "fr"
[[radio.call_signs]]
party = "north"
call_sign = "North aircraft"

[line_checks]
every = "8 h"
degraded_after = "1 min"
silent_after = "5 min"

[[escalation]]
post = "watch"
within = "20 s"
[[escalation]]
post = "command"
within = "90 s"

[reporting]
request_answer = "12 h"
incident_answer = "2 d"

[suspension]
keeps = ["stop", "line_checks", "incidents"]
posts = ["command"]
"""
