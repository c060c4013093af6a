package demo

// kind of threat event: what it is called and which indicators it brings.
type campaign struct {
	info, tool string
	tags       []string
	threat     int64
}

var campaigns = []campaign{
	{"Лажна порука о пошиљци: странице за крађу картица", "posiljka", []string{`rsit:fraud="phishing"`, `srbcert:incident-type="phishing"`, `misp-galaxy:mitre-attack-pattern="Spearphishing Link - T1566.002"`, `misp-galaxy:mitre-attack-pattern="Domains - T1583.001"`}, 2},
	{"Капија 400: трагови упада преко уређаја за даљински приступ", "kagent", []string{`rsit:intrusions="system-compromise"`, `misp-galaxy:mitre-attack-pattern="Exploit Public-Facing Application - T1190"`, `misp-galaxy:mitre-attack-pattern="Web Shell - T1505.003"`, `misp-galaxy:mitre-attack-pattern="External Remote Services - T1133"`, `misp-galaxy:mitre-attack-pattern="Remote Services - T1021"`, `misp-galaxy:threat-actor="FIN7"`}, 1},
	{"Погађање лозинки на налозима е-поште школа", "spray", []string{`rsit:intrusion-attempts="brute-force"`, `misp-galaxy:mitre-attack-pattern="Password Spraying - T1110.003"`, `misp-galaxy:mitre-attack-pattern="Valid Accounts - T1078"`}, 3},
	{"Откупни програм .klv: узорци и адресе управљања", "klv", []string{`rsit:malicious-code="infected-system"`, `misp-galaxy:mitre-attack-pattern="Data Encrypted for Impact - T1486"`, `misp-galaxy:mitre-attack-pattern="Inhibit System Recovery - T1490"`, `misp-galaxy:mitre-attack-pattern="Exfiltration Over C2 Channel - T1041"`, `misp-galaxy:mitre-attack-pattern="PowerShell - T1059.001"`}, 1},
	{"Мрежа заражених камера скенира порт 8443", "mirka", []string{`rsit:information-gathering="scanner"`, `misp-galaxy:mitre-attack-pattern="Active Scanning - T1595"`, `misp-galaxy:mitre-attack-pattern="Network Service Discovery - T1046"`}, 3},
	{"Лажна фактура у име директора", "faktura", []string{`rsit:fraud="masquerade"`, `misp-galaxy:mitre-attack-pattern="Phishing - T1566"`, `misp-galaxy:mitre-attack-pattern="Financial Theft - T1657"`}, 2},
	{"Напад ускраћивањем услуге на сајтове општина", "poplava", []string{`rsit:availability="ddos"`, `misp-galaxy:mitre-attack-pattern="Network Denial of Service - T1498"`, `misp-galaxy:threat-actor="Killnet"`}, 2},
	{"Пореска управа као мамац: прилог са макроом", "porez", []string{`rsit:malicious-code="malware-distribution"`, `misp-galaxy:mitre-attack-pattern="Spearphishing Attachment - T1566.001"`, `misp-galaxy:mitre-attack-pattern="Malicious File - T1204.002"`, `misp-galaxy:mitre-attack-pattern="PowerShell - T1059.001"`, `misp-galaxy:threat-actor="TA505"`}, 2},
	{"Промењени записи домена у регистру", "dns", []string{`rsit:information-content-security="unauthorised-information-modification"`, `misp-galaxy:mitre-attack-pattern="Valid Accounts - T1078"`, `misp-galaxy:mitre-attack-pattern="Compromise Infrastructure - T1584"`}, 1},
	{"Недељни списак адреса управљања", "c2", []string{`rsit:malicious-code="c2-server"`, `misp-galaxy:mitre-attack-pattern="Web Protocols - T1071.001"`, `misp-galaxy:mitre-attack-pattern="Ingress Tool Transfer - T1105"`}, 3},
}

type warningDef struct {
	level, readers                    string
	title, lead, affects, steps, body string
	titleEn, leadEn                   string
}

var warnings = []warningDef{
	{"very-high", "citizens", "Лажна порука о пошиљци краде податке са картице", "Порука тражи 149 динара за „доставу”. Не отварајте везу и не уносите број картице.",
		"Све који чекају пошиљку.", "Не отварајте везу из поруке.\nПошиљку проверите на страници поште, коју сами укуцате.\nАко сте унели број картице, одмах позовите банку и тражите блокаду.\nПријавите нам поруку; помаже да страницу угасимо.",
		"Порука стиже СМС-ом или Вајбером и изгледа као да је шаље пошта. Веза води на страницу која тражи број картице и код из поруке банке.\n\nБанка никада не тражи тај код.",
		"False parcel message steals card data", "The message asks for 149 dinars for delivery. Do not open the link and do not enter your card number."},
	{"high", "organisations", "Пропуст у уређајима „Капија 400” већ се користи у нападима", "Ажурирајте на издање 7.2.11 или одмах искључите приступ са интернета.",
		"Свих који користе Капију 400 са издањем до 7.2.10.", "Проверите издање у управљачкој страници.\nПреузмите издање 7.2.11 са сајта произвођача.\nПосле ажурирања промените све лозинке управљача и поништите отворене сесије.\nПрегледајте дневник од 9. новембра.",
		"Нападач без лозинке може да преузме уређај који мрежу спаја са интернетом. Код нас су погођене најмање три установе.",
		"Flaw in Kapija 400 devices is being used in attacks", "Update to 7.2.11, or cut the device off the internet at once."},
	{"medium", "schools", "Погађање лозинки на налозима е-поште школа", "Укључите потврду у два корака за све запослене.",
		"Школа са е-поштом у облаку.", "Укључите потврду у два корака.\nПромените лозинке које се понављају.\nПрегледајте пријаве из иностранства у последњих 30 дана.",
		"Покушаји трају данима, са много адреса, по неколико лозинки на сваки налог.",
		"Password guessing against school mail accounts", "Turn on two-step verification for all staff."},
	{"medium", "operators", "Мамац у име Пореске управе носи прилог са макроом", "Пореска управа не шаље решења као документ са макроом.", "Рачуноводства.", "Не укључујте макрое.\nПроследите поруку нама.", "Порука се позива на решење о принудној наплати.",
		"Tax authority lure carries a macro document", "The tax authority does not send decisions as macro documents."},
	{"low", "organisations", "Камере са подразумеваном лозинком скенирају мрежу", "Промените лозинку и искључите приступ са интернета.", "Оних који имају мрежне камере.", "Промените подразумевану лозинку.\nАжурирајте софтвер камере.", "Заражене камере траже порт 8443.",
		"Cameras with default passwords are scanning", "Change the password and cut off access from the internet."},
}
