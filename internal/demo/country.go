package demo

// The invented country: every name, person and address is made up; networks are
// documentation ranges (RFC 5737, RFC 3849), domains end in .example (RFC 2606).

type orgDef struct {
	name, kind, sector, domain string // name in Cyrillic; Latin is derived
	cert                       int    // whose constituency: 0 the national CERT, 1 the government's
}

// inEnglish are names that have an English form of their own.
var inEnglish = map[string]string{"Национални ЦЕРТ": "National CERT", "ЦЕРТ државних органа": "Government CERT", "Партнерски ЦЕРТ Север": "Partner CERT North"}

var orgs = []orgDef{
	{"Национални ЦЕРТ", "cert", "", "cert.example", 0},
	{"ЦЕРТ државних органа", "cert", "public", "gov-cert.example", 1},
	{"Електромрежа Подунавље", "operator", "energy", "elektromreza.example", 0},
	{"Топлане Моравице", "operator", "energy", "toplane-moravica.example", 0},
	{"Гасовод Исток", "operator", "energy", "gasovod-istok.example", 0},
	{"Железнице Расине", "operator", "transport", "zeleznice.example", 0},
	{"Аеродром Брезово", "operator", "transport", "aerodrom-brezovo.example", 0},
	{"Градски превоз Грабовац", "company", "transport", "gp-grabovac.example", 0},
	{"Штедна банка Дрина", "operator", "finance", "banka-drina.example", 0},
	{"Платни центар", "operator", "finance", "platni-centar.example", 0},
	{"Осигурање Липа", "company", "finance", "lipa-osiguranje.example", 0},
	{"Општа болница Јаворје", "operator", "health", "bolnica-javorje.example", 0},
	{"Клинички центар Исток", "operator", "health", "kc-istok.example", 0},
	{"Апотеке Здравље", "company", "health", "apoteke-zdravlje.example", 0},
	{"Водовод Грабовац", "operator", "water", "vodovod-grabovac.example", 0},
	{"Водовод Јаворје", "operator", "water", "vodovod-javorje.example", 0},
	{"Облак Север", "operator", "digital", "oblak-sever.example", 0},
	{"Регистар домена", "operator", "digital", "domeni.example", 0},
	{"Дата центар Равница", "operator", "digital", "dc-ravnica.example", 0},
	{"Телеком Ветар", "independent-cert", "communications", "vetar.example", 0},
	{"Кабловска Мрежа", "operator", "communications", "kablovska.example", 0},
	{"Министарство унутрашњих путева", "public-body", "public", "putevi.gov.example", 1},
	{"Пореска управа", "public-body", "public", "porezi.gov.example", 1},
	{"Општина Јаворје", "municipality", "public", "javorje.example", 1},
	{"Општина Брезово", "municipality", "public", "brezovo.example", 1},
	{"Град Грабовац", "municipality", "public", "grabovac.example", 1},
	{"Завод за статистику", "public-body", "public", "statistika.gov.example", 1},
	{"Пошта Равнице", "operator", "postal", "posta.example", 0},
	{"Брза испорука", "company", "postal", "brza-isporuka.example", 0},
	{"Млекара Шумадинка", "company", "food", "sumadinka.example", 0},
	{"Пекара „Клас”", "company", "food", "pekara-klas.example", 0},
	{"Житопродукт", "company", "food", "zitoprodukt.example", 0},
	{"Хемијска индустрија Лозница", "operator", "industry", "hil.example", 0},
	{"Фабрика каблова", "company", "industry", "kablovi.example", 0},
	{"Рециклажа Југ", "company", "industry", "reciklaza-jug.example", 0},
	{"Гимназија Брезово", "academic", "research", "gimnazija-brezovo.example", 0},
	{"Универзитет у Грабовцу", "academic", "research", "uni-grabovac.example", 0},
	{"Институт за рачунарство", "special-cert", "research", "iru.example", 0},
	{"КУД „Подгорка”", "civil", "", "podgorka.example", 0},
	{"Партнерски ЦЕРТ Север", "partner", "", "cert-sever.example", 0},
	{"Дом здравља Липовица", "public-body", "health", "dz-lipovica.example", 0},
	{"Завод за јавно здравље Расина", "public-body", "health", "zjz-rasina.example", 0},
	{"Градска топлана Брезово", "operator", "energy", "toplana-brezovo.example", 0},
	{"Водовод Липовица", "operator", "water", "vodovod-lipovica.example", 0},
	{"Општина Липовица", "municipality", "public", "lipovica.example", 1},
	{"Општина Равница", "municipality", "public", "ravnica.example", 1},
	{"Катастар непокретности", "public-body", "public", "katastar.gov.example", 1},
	{"Основна школа „Јован Цвијић”", "academic", "research", "os-cvijic.example", 0},
	{"Задруга Моравски пут", "company", "food", "moravski-put.example", 0},
	{"Аутобуска станица Грабовац", "company", "transport", "as-grabovac.example", 0},
	{"Кредитна задруга Солидарност", "company", "finance", "solidarnost.example", 0},
	{"Ливница Подунавље", "company", "industry", "livnica.example", 0},
}

type personDef struct {
	name, role string
	org        int
	persona    string // what the demo calls them; "" = no persona
	lang       string
}

// Named people; every organisation gets a few more.
var people = []personDef{
	{"Ана Шумар", "lead", 0, "shift lead", "sr-Latn"},
	{"Лука Видаковић", "analyst", 0, "duty analyst", "sr-Latn"},
	{"Драгана Костић", "analyst", 0, "analyst", "sr-Cyrl"},
	{"Петар Ракић", "analyst", 0, "night analyst", "en"},
	{"Марко Илић", "admin", 0, "administrator", "sr-Latn"},
	{"Јелена Ђорђевић", "auditor", 0, "auditor", "sr-Latn"},
	{"Милош Јанковић", "privacy-officer", 0, "privacy officer", "sr-Latn"},
	{"Сања Петровић", "supervisor", 0, "supervisor", "sr-Latn"},
	{"Никола Савић", "lead", 1, "lead of the second CERT", "sr-Latn"},
	{"Тамара Гајић", "analyst", 1, "analyst of the second CERT", "sr-Cyrl"},
	{"Бојан Милетић", "org-admin", 2, "operator's administrator", "sr-Latn"},
	{"Весна Стојић", "member", 2, "operator's member", "sr-Cyrl"},
	{"Горан Њежић", "org-admin", 11, "hospital's administrator", "sr-Cyrl"},
	{"Милица Љубић", "member", 23, "municipality's clerk", "sr-Cyrl"},
	{"Стефан Џекић", "publisher", 19, "publisher", "sr-Latn"},
	{"Ива Новак", "sync", 39, "partner's machine", "en"},
	{"Урош Тодић", "read-only", 36, "reader", "sr-Cyrl"},
}

var firstNames = []string{"Милан", "Јована", "Игор", "Наташа", "Зоран", "Маја", "Душан", "Ивана", "Предраг", "Тијана", "Синиша", "Бранка", "Растко", "Сузана", "Вук", "Хелена"}
var lastNames = []string{"Петровић", "Ковачевић", "Ранковић", "Шарић", "Чолић", "Жарић", "Недељковић", "Лазић", "Станојевић", "Ћирић", "Вуловић", "Мандић", "Грујић", "Бабић", "Ђокић", "Филиповић"}
