#!/usr/bin/env python3
"""Checks schemas/examples against schemas/json with python's jsonschema: a second opinion on the published schemas.

Ends with 0 when every accepted example fits its schema and every refused one does not (unless its manifest says that the
schema alone cannot see the mistake); with 1 and the list of differences otherwise.
"""
import json
import pathlib
import sys

try:
    from jsonschema import Draft202012Validator, FormatChecker
except ImportError:
    sys.exit("python's jsonschema is missing: install python3-jsonschema (ops/install does)")

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def main():
    validators = {}
    for path in sorted((SCHEMAS / "json").glob("*.schema.json")):
        schema = read(path)
        Draft202012Validator.check_schema(schema)
        name = path.name.removesuffix(".schema.json")
        validators[name] = Draft202012Validator(schema, format_checker=FormatChecker(["date", "uuid"]))
    checked, wrong = 0, []
    for folder in ("accepted", "refused"):
        for example in read(SCHEMAS / "examples" / folder / "manifest.json"):
            errors = list(validators[example["schema"]].iter_errors(read(SCHEMAS / "examples" / folder / example["file"])))
            expected = folder == "refused" and example.get("seen_by_schema", True)
            checked += 1
            if bool(errors) != expected:
                said = "; ".join(f"{e.json_path}: {e.validator}" for e in errors) or "no error"
                wrong.append(f"{folder}/{example['file']}: {said}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{checked} examples agree with {len(validators)} schemas")


if __name__ == "__main__":
    main()
