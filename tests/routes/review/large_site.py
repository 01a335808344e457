"""An invented site of twenty routes, as a large hospital may have it: its picture must stay readable."""

from __future__ import annotations

from routes.language.facts import ChannelFacts, FeedFacts, SiteFacts, TrayFacts
from routes.language.files import Origin
from routes.language.plan import compile_plan
from routes.language.problems import Problems

HOSPITALS = ("northfield", "st_annes", "westmoor", "eastbrook")
SYSTEMS = ("pas", "lims", "radiology")
SUBJECTS = (
    "admissions", "bed_board", "pathology_gp", "pathology_wards", "microbiology_alerts", "radiology_gp",
    "radiology_wards", "discharge_letters", "maternity", "theatres", "pharmacy", "dietetics",
    "cancer_registry", "data_warehouse", "infection_control", "blood_bank", "referrals",
    "outpatients", "transport", "research",
)  # fmt: skip
CHANNELS = (
    "gp_message", "print_room", "archive", "duty_desk", "ward_system", "warehouse", "registry",
    "pharmacy_system", "infection_team", "theatre_system", "transport_desk", "research_store",
)  # fmt: skip


def _route(number: int, name: str) -> str:
    feeds = [f"{hospital}_{SYSTEMS[number % 3]}" for hospital in HOSPITALS[: 1 + number % 4]]
    one, other, third = (CHANNELS[(number * step + 2) % len(CHANNELS)] for step in (1, 5, 7))
    send = ""
    if number % 3 == 0:
        send += (
            "  - first_of:\n      - when: gp_directory[requester].accepts = 'electronic'\n"
            "        to: gp_message\n        address: requester\n        if_not_acknowledged_in: 3d\n"
            "        then: print_room\n      - when: gp_directory[requester].accepts = 'paper'\n"
            "        to: print_room\n        address: requester\n      - otherwise: {hold: no_practice}\n"
        )
    if number % 4 == 1 and other not in ("gp_message", "print_room"):
        send += f"  - to: {other}\n    when: any OBX[*]-8 in ['HH', 'LL', 'AA']\n"
    if number == 2:
        send += "  - pass_to: research\n    when: PV1-2 = 'I'\n"
    last = next(each for each in (one, third, "archive") if each not in ("gp_message", "print_room"))
    send += f"  - to: {last}\n"
    names = "names:\n  requester: PV1-3.10\n" if number % 3 == 0 else ""
    checks = "check:\n  - that: PID-3[5='NH'].1 is valid nhs_number\n    else: {hold: no_nhs_number}\n"
    if number % 5 == 2:
        checks += f"  - that: PV1-19 is present\n    else: {{hold: no_visit_{name}}}\n"
    start = f"route: {name}\n" + ("" if name == "research" else f"from: [{', '.join(feeds)}]\n")
    return f"{start}guards: [safe_to_send]\n{names}{checks}send:\n{send}"


def large_site() -> Origin:
    """What the twenty routes were compiled from."""
    sources = {f"routes/{name}.yaml": _route(number, name) for number, name in enumerate(SUBJECTS)}
    sources["guards/safe_to_send.yaml"] = (
        "guard: safe_to_send\ncheck:\n  - that: MSH-11.1 = 'P'\n    else: {hold: test_messages}\n"
        "  - that: no PID-32[*] = 'RES'\n    else: {hold: restricted}\n"
    )
    for hospital in HOSPITALS:
        sources[f"dialects/{hospital}.yaml"] = (
            f"dialect: {hospital}\nchange:\n  - reformat: PID-7\n    from: DD/MM/YYYY\n    as: date\n"
            "    else: {hold: doubtful_date}\n"
        )
    sources["tables/gp_directory.csv"] = "practice,accepts\nY06601,electronic\n"
    feeds = {
        f"{hospital}_{system}": FeedFacts(f"{hospital}_{system}", dialect=hospital)
        for hospital in HOSPITALS
        for system in SYSTEMS
    }
    directory = ("gp_message", "print_room")
    channels = {
        name: ChannelFacts(
            name,
            kind="mllp" if name.endswith("e") else "folder",
            directory="gp_directory" * (name in directory),
        )
        for name in CHANNELS
    }
    trays = {"restricted": TrayFacts("restricted", owner="Information governance")}
    problems = Problems()
    plan = compile_plan(sources, feeds, channels, SiteFacts(trays=trays), problems)
    errors = [str(problem) for problem in problems.in_order() if problem.severity == "error"]

    assert errors == []
    assert plan is not None
    assert plan.origin is not None
    return plan.origin
