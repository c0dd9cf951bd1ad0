"""Where the page of the console is."""

from pathlib import Path

CONSOLE = Path(__file__).parents[2] / "src/detente/console"
PAGE = CONSOLE / "page"
BUILT = CONSOLE / "built"
BUILT_FILES = [file.relative_to(BUILT).as_posix() for file in BUILT.rglob("*") if file.is_file()]
