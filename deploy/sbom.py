#!/usr/bin/env python
"""Write the bill of materials as CycloneDX JSON: `deploy/sbom.py FILE`.

The packages of requirements.txt with their hashes, and every weights file of the catalog with source, licence and hash:
what a package of weights may be used for is nowhere else in a form that machines read.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from heirloom.vision import catalog  # noqa: E402 - the folder of the project is not a package's


def packages() -> dict[str, object]:
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", "--pyproject", "pyproject.toml"]
    command += ["--output-reproducible", "--of", "JSON", "requirements.txt"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def weights_component(entry: catalog.Weights) -> Mapping[str, object]:
    """One weights file, as CycloneDX 1.5 and later describe a machine-learning model."""
    source = [{"type": "distribution", "url": entry.url}] if entry.url else []
    properties = [{"name": "heirloom:commercial-use", "value": str(entry.commercial_use).lower()}]
    properties += [{"name": "heirloom:package", "value": entry.package}] if entry.package else []
    return {
        "type": "machine-learning-model",
        "bom-ref": f"weights:{entry.name}",
        "name": entry.name,
        "licenses": [{"license": {"name": entry.licence}}],
        "externalReferences": source,
        "properties": properties,
        **({"hashes": [{"alg": "SHA-256", "content": entry.sha256}]} if entry.sha256 else {}),
    }


def main() -> int:
    file = Path(sys.argv[1])
    bill = packages()
    components = list(bill["components"])  # type: ignore[call-overload]
    components += [weights_component(entry) for entry in catalog.entries().values()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**bill, "components": components}, indent=2, sort_keys=True) + "\n")
    print(f"{file}: {len(components)} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
