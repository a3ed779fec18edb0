#!/usr/bin/env python3
"""Make workdays.csv: the days on which the State Council's yearly notices depart from the week.

Usage: make-workdays.py <chinese-days directory> <chinesecalendar directory> > workdays.csv

The first directory is the unpacked npm package chinese-days 1.5.7 (it holds dist/years/<year>.json), the second the unpacked
PyPI package chinesecalendar 1.11.0 (it holds chinese_calendar/). The first is the source, the second the check: the script
stops when they disagree on any day of the years below. Needs Python 3 only; the same inputs always give the same bytes.
What the columns mean is in README.md.
"""

import csv
import datetime
import json
import pathlib
import sys

# The notice (国务院办公厅关于…年部分节假日安排的通知) that arranged each year.
NOTICES = {
    2020: "国办发明电〔2019〕16号",
    2021: "国办发明电〔2020〕27号",
    2022: "国办发明电〔2021〕11号",
    2023: "国办发明电〔2022〕16号",
    2024: "国办发明电〔2023〕7号",
    2025: "国办发明电〔2024〕12号",
    2026: "国办发明电〔2025〕7号",
}

# Days that another notice than their own year's arranged.
OTHER_NOTICES = {
    "2020-01-31": "国务院办公厅关于延长2020年春节假期的通知",
    "2020-02-01": "国务院办公厅关于延长2020年春节假期的通知",
    "2020-02-02": "国务院办公厅关于延长2020年春节假期的通知",
    "2022-12-31": NOTICES[2023],
}

# In 2020 中秋 fell on 1 October; the notice speaks of both together.
OTHER_NAMES = {f"2020-10-0{day}": "国庆节、中秋" for day in range(1, 9)}


def check(year, off, work, calendar):
    """Stops when the two packages disagree on a day."""
    day = datetime.date(year, 1, 1)
    while day.year == year:
        text = day.isoformat()
        ours = text in work or (day.weekday() < 5 and text not in off)
        if ours != calendar.is_workday(day):
            sys.exit(f"{text}: the packages disagree")
        day += datetime.timedelta(days=1)


def main():
    source, other = map(pathlib.Path, sys.argv[1:])
    sys.path.insert(0, str(other))
    import chinese_calendar

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["date", "day", "name", "notice"])
    for year, notice in NOTICES.items():
        data = json.loads((source / "dist" / "years" / f"{year}.json").read_text(encoding="utf-8"))
        off, work = data["holidays"], data["workdays"]
        check(year, off, work, chinese_calendar)
        rows = [(date, "off", text) for date, text in off.items()] + [(date, "work", text) for date, text in work.items()]
        for date, day, text in sorted(rows):
            name = OTHER_NAMES.get(date, text.split(",")[1])
            out.writerow([date, day, name, OTHER_NOTICES.get(date, notice)])


main()
