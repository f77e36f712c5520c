"""What a statement loads in a process of its own."""

import json
import subprocess
import sys


def loaded_by(statement: str) -> set[str]:
    """Run a statement in a fresh process and return the top-level modules loaded."""
    code = f"{statement}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
