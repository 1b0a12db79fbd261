"""The names of the first version do not come back: each thing has one name, the field's own."""

import ast
from pathlib import Path

import procdemo
from procdemo.demo import events

PACKAGE = Path(procdemo.__file__).parent
TESTS = Path(__file__).parent

OLD_MODULES = """
answers arbiter backoff backstage bars bench/crowd bench/meter bench/targets birth channel chart cli
cluster/far_queue cluster/joining cluster/there cluster/workers config connection crew descriptors dial
dialogue door durations errands events exchange faults fetch frontier generation guestbook handbook harvest
janitor lab/course lab/kernel lab/stacks lab/trials lab/warden lab/xray lanes lectern ledger lifeline load
lookout loop_door machine motion observer options orphans outputs panorama prompt proof reading reception
replay retiring_pool roster shared_door shift site stage supervisor syllabus tables talks terminal text ticker
tools view views visitors watched_queue worker worklist
""".split()  # noqa: SIM905
"""Old modules, by their place in the package."""

OLD_PACKAGES = ["sinks", "vendor"]

OLD_NAMES = """
backstage bars crowd meter birth far_queue joining crew dial dialogue door errands guestbook
handbook harvest janitor course kernel trials warden lectern ledger lifeline lookout loop_door machine motion
observer orphans panorama proof reception retiring_pool roster shared_door shift sinks stage syllabus talks
ticker visitors watched_queue worklist
Answers Arrow Bar CalmPool Court Crew Crowd Dialogue Door Durations Effort Errands FarQueue Farewell Faults
GuestBook Handbook Harvest Ledger Lifeline Lookout LoopDoor Machine Meter Motion Panorama ROWS Reception
RetiringPool Roster Rounds Seat SharedDoor Stage Talks Terms Ticker Trial Warden Wardrobe WatchedQueue Watcher
Wire Worklist
board invite perform press prove sink_for take_and_do visit
""".split()  # noqa: SIM905
"""Old names of modules, classes and functions, without those that have a new meaning (`read`, `Worker`)."""

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "lessons" not in path.parts)
PROGRAMS = [*MODULES, *sorted(TESTS.rglob("*.py"))]


def place(path):
    return str(path.relative_to(PACKAGE.parent if path.is_relative_to(PACKAGE) else TESTS.parent))


def names_in(program):
    """Yield the names of the module, and of the modules, classes and functions that it defines or imports."""
    yield program.stem
    for node in ast.walk(ast.parse(program.read_text("utf-8"))):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Import(names=names):
                yield from (part for each in names for part in each.name.split("."))
            case ast.ImportFrom(module=module, names=names):
                yield from (module or "").split(".")
                yield from (each.name for each in names)


def literals_in(program):
    """Yield literals that are the name of a mark or a result, or are compared with a name or a role."""
    for node in ast.walk(ast.parse(program.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="mark" | "result"), args=[ast.Constant(value=name), *_]):
                yield name
            case ast.Compare(
                left=ast.Attribute(attr="name" | "role"), comparators=[ast.Constant(value=name)]
            ):
                yield name


def test_no_module_is_where_it_was():
    assert [name for name in OLD_MODULES if (PACKAGE / f"{name}.py").exists()] == []
    assert [name for name in OLD_PACKAGES if (PACKAGE / name).exists()] == []


def test_no_module_class_function_or_import_has_an_old_name():
    found = {place(program): set(names_in(program)) & set(OLD_NAMES) for program in PROGRAMS}
    assert {program: names for program, names in found.items() if names} == {}


def test_an_event_that_has_a_constant_for_its_name_is_named_by_it():
    constants = {value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)}
    found = {place(program): set(literals_in(program)) & constants for program in MODULES}
    assert {program: names for program, names in found.items() if names} == {}
