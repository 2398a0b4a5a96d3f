"""The bill of materials of the binary in CycloneDX 1.6 (ECMA-424), from what Cargo knows.

It lists what the binary is linked from: the normal dependencies of the package `roundtrip` for the target, with
the digests of Cargo.lock, and the fonts that are carried. Macros and build scripts run when it is built and are
no part of it.
"""
import hashlib
import json
import subprocess
import time
import tomllib
import uuid

FONTS = [("Liberation fonts", "2.1.5", "OFL-1.1", "crates/page/fonts/LiberationSans-Regular.ttf"),
         ("Noto Sans SC, a subset", "2.004", "OFL-1.1", "crates/page/fonts/NotoSansSC-Subset.woff2")]


def linked(told):
    """The packages that the binary is linked from, by id, each with the ids of those that it uses."""
    packages = {package["id"]: package for package in told["packages"]}
    nodes = {node["id"]: node for node in told["resolve"]["nodes"]}
    is_macro = lambda id: any("proc-macro" in target["kind"] for target in packages[id]["targets"])
    uses, wanted = {}, [id for id, package in packages.items() if package["name"] == "roundtrip"]
    while wanted:
        id = wanted.pop()
        if id in uses:
            continue
        deps = [dep["pkg"] for dep in nodes[id]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
        uses[id] = sorted(dep for dep in deps if not is_macro(dep))
        wanted += uses[id]
    return packages, uses


def bill(root, version, target, epoch):
    told = json.loads(subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--locked", "--offline", f"--filter-platform={target}",
         "--manifest-path", root / "Cargo.toml"], check=True, stdout=subprocess.PIPE).stdout)
    lock = tomllib.loads((root / "Cargo.lock").read_text())
    digests = {(one["name"], one["version"]): one.get("checksum") for one in lock["package"]}
    packages, uses = linked(told)
    name = lambda id: (packages[id]["name"], packages[id]["version"])
    # Two packages of one name and version do not occur: Cargo.lock tells them apart by that.
    purl = lambda id: "pkg:cargo/{}@{}".format(*name(id))
    components = []
    for id in sorted(uses, key=name):
        package = packages[id]
        if package["name"] == "roundtrip":
            continue
        component = {"type": "library", "bom-ref": purl(id), "name": package["name"], "version": package["version"]}
        if package.get("license"):
            component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if package["source"]:
            component["purl"] = purl(id)
        if digests.get(name(id)):
            component["hashes"] = [{"alg": "SHA-256", "content": digests[name(id)]}]
        if package.get("repository"):
            component["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
        components.append(component)
    for title, release, licence, path in FONTS:
        components.append({"type": "data", "bom-ref": title, "name": title, "version": release,
                           "licenses": [{"license": {"id": licence}}],
                           "hashes": [{"alg": "SHA-256",
                                       "content": hashlib.sha256((root / path).read_bytes()).hexdigest()}]})
    top = next(id for id in uses if packages[id]["name"] == "roundtrip")
    made = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "component": {"type": "application", "bom-ref": purl(top), "name": "roundtrip", "version": version,
                          "licenses": [{"expression": packages[top]["license"]}]},
            "properties": [{"name": "roundtrip:target", "value": target}],
        },
        "components": components,
        "dependencies": [{"ref": purl(id), "dependsOn": [purl(dep) for dep in uses[id]]}
                         for id in sorted(uses, key=name)],
    }
    # The number of a document is that of its contents, so that it is the same for the same build.
    contents = json.dumps(made, sort_keys=True)
    made["serialNumber"] = "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, contents))
    return (json.dumps(made, indent=1, ensure_ascii=False) + "\n").encode()
