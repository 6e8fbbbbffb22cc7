#!/usr/bin/env python3
"""Prints the software bill of materials of the programs: CycloneDX 1.5, JSON, from the lock files that the build is restored by.

    packaging/sbom.py VERSION UNIX-SECONDS RUNTIME FOLDER...

RUNTIME is linux-x64 or linux-arm64; a FOLDER is a program's, with its packages.lock.json. Licences are read from the restored packages.
"""
import json
import os
import sys
import time
import uuid
import xml.etree.ElementTree

# Used while building and no part of what is built.
BUILD_ONLY = {"Microsoft.CodeAnalysis.BannedApiAnalyzers", "Microsoft.NET.ILLink.Tasks"}


def packages_of(folder, runtime):
    """Name to entry of one program's lock file, those of its runtime in place of the general ones."""
    with open(os.path.join(folder, "packages.lock.json"), encoding="utf-8") as file:
        frameworks = json.load(file)["dependencies"]
    found = {}
    for framework in ("net10.0", "net10.0/" + runtime):
        for name, entry in frameworks.get(framework, {}).items():
            if entry["type"] != "Project" and name not in BUILD_ONLY:
                found[name] = {**found.get(name, {}), **entry}
    return found


def licence_of(name, version):
    folder = os.environ.get("NUGET_PACKAGES") or os.path.join(os.path.expanduser("~"), ".nuget", "packages")
    path = os.path.join(folder, name.lower(), version, name.lower() + ".nuspec")
    if not os.path.exists(path):
        sys.exit(f"sbom.py: {name} {version} is not restored, so its licence is not known. Run this, then try again:  dotnet restore")
    for element in xml.etree.ElementTree.parse(path).iter():
        if element.tag.endswith("}license") and element.get("type") == "expression":
            return [{"license": {"id": element.text}}]
    return []


def reference(name, version):
    return f"pkg:nuget/{name}@{version}"


def component(name, entry):
    version = entry["resolved"]
    return {
        "type": "library",
        "bom-ref": reference(name, version),
        "name": name,
        "version": version,
        "purl": reference(name, version),
        "licenses": licence_of(name, version),
        "properties": [{"name": "nuget:contentHash", "value": entry["contentHash"]}],
    }


def main(version, seconds, runtime, folders):
    everything, dependencies, programs = {}, [], []
    for folder in folders:
        name = os.path.basename(os.path.normpath(folder))
        found = packages_of(folder, runtime)
        everything.update(found)
        programs.append({"type": "application", "bom-ref": name, "name": name, "version": version})
        dependencies.append({"ref": name, "dependsOn": sorted(reference(other, entry["resolved"]) for other, entry in found.items())})
    for name, entry in everything.items():
        inner = sorted(other for other in entry.get("dependencies", {}) if other in everything)
        dependencies.append({"ref": reference(name, entry["resolved"]), "dependsOn": [reference(other, everything[other]["resolved"]) for other in inner]})
    dependencies.append({"ref": "qwamos", "dependsOn": sorted(program["name"] for program in programs)})
    components = sorted(programs, key=lambda one: one["name"]) + [component(name, everything[name]) for name in sorted(everything)]
    content = json.dumps([version, runtime, components, dependencies], sort_keys=True)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, content)),
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
            "component": {"type": "application", "bom-ref": "qwamos", "name": "qwamos", "version": version},
            "properties": [{"name": "dotnet:runtime", "value": runtime}],
        },
        "components": components,
        "dependencies": sorted(dependencies, key=lambda one: one["ref"]),
    }
    json.dump(bom, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    if len(sys.argv) < 5 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:])
