"""Makes courts.csv: python3 make-courts.py > courts.csv. Reads divisions.csv beside it. See README.md for sources and limits."""
import csv
import pathlib
import sys

HIGH = {
    "京": "北京市", "津": "天津市", "冀": "河北省", "晋": "山西省", "内": "内蒙古自治区", "辽": "辽宁省", "吉": "吉林省",
    "黑": "黑龙江省", "沪": "上海市", "苏": "江苏省", "浙": "浙江省", "皖": "安徽省", "闽": "福建省", "赣": "江西省",
    "鲁": "山东省", "豫": "河南省", "鄂": "湖北省", "湘": "湖南省", "粤": "广东省", "桂": "广西壮族自治区", "琼": "海南省",
    "渝": "重庆市", "川": "四川省", "黔": "贵州省", "云": "云南省", "藏": "西藏自治区", "陕": "陕西省", "甘": "甘肃省",
    "青": "青海省", "宁": "宁夏回族自治区", "新": "新疆维吾尔自治区",
}
# Provinces of the pilot whose codes follow the division codes.
PROVINCES = {"苏": "32", "浙": "33", "鲁": "37", "甘": "62"}
# Intermediate courts of the pilot's municipalities, with the basic courts whose superior they are: division digits 3-6 and name.
MUNICIPAL = {
    "京01": ("北京市第一中级人民法院", "0107石景山区 0108海淀区 0109门头沟区 0114昌平区 0119延庆区"),
    "京02": ("北京市第二中级人民法院", "0101东城区 0102西城区 0106丰台区 0111房山区 0115大兴区"),
    "京03": ("北京市第三中级人民法院", "0105朝阳区 0112通州区 0113顺义区 0116怀柔区 0117平谷区 0118密云区"),
    "京04": ("北京市第四中级人民法院", ""),
    "津01": ("天津市第一中级人民法院", ""),
    "津02": ("天津市第二中级人民法院", ""),
    "津03": ("天津市第三中级人民法院", ""),
    "沪01": ("上海市第一中级人民法院", "0104徐汇区 0105长宁区 0112闵行区 0115浦东新区 0116金山区 0117松江区 0120奉贤区"),
    "沪02": ("上海市第二中级人民法院",
             "0101黄浦区 0106静安区 0107普陀区 0109虹口区 0110杨浦区 0113宝山区 0114嘉定区 0118青浦区 0151崇明区"),
    "沪03": ("上海市第三中级人民法院", ""),
    "渝01": ("重庆市第一中级人民法院",
             "0105江北区 0106沙坪坝区 0109北碚区 0111大足区 0112渝北区 0115长寿区 0117合川区 0120璧山区 0151铜梁区 0152潼南区"),
    "渝02": ("重庆市第二中级人民法院",
             "0101万州区 0154开州区 0155梁平区 0229城口县 0233忠县 0235云阳县 0236奉节县 0237巫山县 0238巫溪县"),
    "渝03": ("重庆市第三中级人民法院", "0102涪陵区 0119南川区 0156武隆区 0230丰都县 0231垫江县"),
    "渝04": ("重庆市第四中级人民法院",
             "0114黔江区 0240石柱土家族自治县 0241秀山土家族苗族自治县 0242酉阳土家族苗族自治县 0243彭水苗族土家族自治县"),
    "渝05": ("重庆市第五中级人民法院",
             "0103渝中区 0104大渡口区 0107九龙坡区 0108南岸区 0110綦江区 0113巴南区 0116江津区 0118永川区 0153荣昌区"),
}
# Special courts: code, name, level, superior.
SPECIAL = [
    ("军", "中国人民解放军军事法院", "high", "最高法"),
    ("兵", "新疆维吾尔自治区高级人民法院生产建设兵团分院", "high", "最高法"),
    ("京73", "北京知识产权法院", "intermediate", "京"),
    ("京74", "北京金融法院", "intermediate", "京"),
    ("沪72", "上海海事法院", "intermediate", "沪"),
    ("沪73", "上海知识产权法院", "intermediate", "沪"),
    ("沪74", "上海金融法院", "intermediate", "沪"),
    ("津72", "天津海事法院", "intermediate", "津"),
    ("苏72", "南京海事法院", "intermediate", "苏"),
    ("浙72", "宁波海事法院", "intermediate", "浙"),
    ("鲁72", "青岛海事法院", "intermediate", "鲁"),
    ("鄂72", "武汉海事法院", "intermediate", "鄂"),
    ("粤72", "广州海事法院", "intermediate", "粤"),
    ("粤73", "广州知识产权法院", "intermediate", "粤"),
    ("闽72", "厦门海事法院", "intermediate", "闽"),
    ("桂72", "北海海事法院", "intermediate", "桂"),
    ("琼72", "海口海事法院", "intermediate", "琼"),
    ("辽72", "大连海事法院", "intermediate", "辽"),
    ("京0491", "北京互联网法院", "basic", "京04"),
    ("浙0192", "杭州互联网法院", "basic", "浙01"),
]
# Divisions that began after the court codes were given out (2016) may have a court of another code: left out.
CODES_GIVEN_OUT = 2016
# Began then too, though divisions.csv states no year for them.
YOUNG = {"320613", "320614", "330113", "330114", "370116", "370117"}


def main():
    text = (pathlib.Path(__file__).parent / "divisions.csv").read_text(encoding="utf-8")
    divisions = [row for row in csv.DictReader(text.splitlines()) if row["kind"] == "current"]
    rows = [("最高法", "最高人民法院", "supreme", "", "scheme")]
    rows += [(code, f"{name}高级人民法院", "high", "最高法", "scheme") for code, name in HIGH.items()]
    rows += [(*row, "court") for row in SPECIAL]
    for code, (name, basic) in MUNICIPAL.items():
        rows.append((code, name, "intermediate", code[0], "court"))
        for each in basic.split():
            rows.append((code[0] + each[:4], f"{HIGH[code[0]]}{each[4:]}人民法院", "basic", code, "court"))
    for char, digits in PROVINCES.items():
        mine = [row for row in divisions if row["code"][:2] == digits]
        cities = {row["code"][2:4]: row["name"] for row in mine if row["code"].endswith("00") and row["code"][2:4] != "00"}
        for city, name in cities.items():
            rows.append((char + city, f"{HIGH[char]}{name}中级人民法院", "intermediate", char, "derived"))
        for row in mine:
            code, name = row["code"], row["name"]
            young = row["valid_from"] and int(row["valid_from"]) >= CODES_GIVEN_OUT
            if code.endswith("00") or name == "市辖区" or young or code in YOUNG or code[2:4] not in cities:
                continue
            whole = HIGH[char] + (cities[code[2:4]] if name.endswith("区") else "") + name
            rows.append((char + code[2:6], f"{whole}人民法院", "basic", char + code[2:4], "derived"))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("code", "name", "level", "superior", "source"))
    out.writerows(sorted(rows, key=lambda row: (row[0] != "最高法", row[0])))


main()
