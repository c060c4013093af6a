package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/feed"
	"straza/internal/kernel/ident"
)

// gangs is a galaxy of the national CERT's own, in the upstream form.
const gangs = `{"name":"Napadači","type":"napadaci","uuid":"5b1f0a5e-7a0c-4a53-9d2a-0c5ad1c8f001","version":3,"category":"actor",
"authors":["Nacionalni CERT"],"source":"Nacionalni CERT","description":"Grupe koje prate timovi u zemlji, pod našim imenima.",
"values":[
{"value":"Noćna Smena","uuid":"5b1f0a5e-7a0c-4a53-9d2a-0c5ad1c8f101","description":"Ulazi preko uređaja za daljinski pristup, radi između ponoći i četiri.","meta":{"refs":["https://www.cert.example/napadaci/nocna-smena"],"country":["XX"]}},
{"value":"Poštar","uuid":"5b1f0a5e-7a0c-4a53-9d2a-0c5ad1c8f102","description":"Lažne poruke o pošiljkama i kazne za parkiranje; stranice menja na dva sata.","meta":{"synonyms":["Kurir"]}},
{"value":"Klavir","uuid":"5b1f0a5e-7a0c-4a53-9d2a-0c5ad1c8f103","description":"Otkupni program .klv; pre šifrovanja iznosi podatke.","meta":{"synonyms":["KLV"]}}]}`

// follows tells whose work a campaign is, by its tool.
var follows = map[string]string{"posiljka": "Poštar", "kagent": "Noćna Smena", "klv": "Klavir"}

// vocabulary brings the national CERT's own galaxy, a fourth group that only its members
// know so far, and the feeds that it takes and does not take.
func (c *country) vocabulary(ctx context.Context) error {
	lead := c.actors[0]
	files := func(yield func(catalog.File, error) bool) {
		yield(catalog.File{Name: "clusters/napadaci.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(gangs)), nil }}, nil)
	}
	if _, err := c.Catalog.Import(ctx, lead, files); err != nil {
		return fmt.Errorf("galaxy: %w", err)
	}
	if _, err := c.Catalog.SeedGalaxies(ctx, lead); err != nil {
		return fmt.Errorf("galaxies: %w", err)
	}
	d := catalog.ClusterDraft{Value: latin("Мирка"), Level: 1}
	d.Description, d.Source = latin("Мрежа заражених камера; управља се преко порта 8443. Име смо дали по називу датотеке."), latin("Национални ЦЕРТ")
	own, err := c.Catalog.AddCluster(ctx, lead, "napadaci", d)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if _, err := c.Catalog.PublishCluster(ctx, lead, own.UUID, true); err != nil {
		return err
	}
	for _, f := range []feed.Feed{
		{Name: latin("Обзорје: адресе управљања"), Provider: latin("Партнерски ЦЕРТ Север"), URL: "https://izvori.cert-sever.example/c2.csv", Format: feed.FormatCSV, Input: feed.Network, Caching: true,
			Terms: feed.Terms{Distribution: int(intel.Community), Fixed: true, Delta: true, Tag: "tlp:green"}},
		{Name: latin("Списак лажних продавница"), Provider: latin("Регистар домена"), URL: "lazne-prodavnice.txt", Format: feed.FormatFreetext, Input: feed.Local,
			Terms: feed.Terms{Distribution: int(intel.Community), Fixed: true, Tag: "tlp:clear"}},
		{Name: latin("Догађаји Регистра домена"), Provider: latin("Регистар домена"), URL: "https://deljenje.domeni.example/misp", Format: feed.FormatMISP, Input: feed.Network,
			Terms: feed.Terms{Distribution: int(intel.Community)}},
	} {
		if _, err := c.Feeds.Save(ctx, lead, 0, func(x *feed.Feed) { id := x.ID; *x = f; x.ID = id }); err != nil {
			return fmt.Errorf("feed %s: %w", f.Name, err)
		}
	}
	return nil
}

// told is what is written beside a campaign's values: who stands behind it, and for
// every third a report that an analyst would send round.
func (c *country) told(camp campaign, ev *misp.Event) {
	if gang := follows[camp.tool]; gang != "" {
		ev.Tag = append(ev.Tag, misp.Tag{Name: misp.T(`misp-galaxy:napadaci="` + gang + `"`)})
	}
	if c.rng.IntN(3) > 0 {
		return
	}
	var lines []string
	for i, a := range ev.Attribute {
		if i < 4 {
			lines = append(lines, "- `"+a.Value.Or("")+"`")
		}
	}
	text := "## Шта смо видели\n\n" + camp.info + ".\n\n## Трагови вредни провере\n\n" + "{list}" + "\n\n## Шта да урадите\n\n1. Потражите наведене вредности у дневницима за последњих тридесет дана.\n2. Блокирајте их на излазу.\n3. Јавите нам ако нешто нађете, и ако не нађете ништа.\n"
	ev.EventReport = []misp.EventReport{{Name: misp.T(latin("Кратак извештај")), Content: misp.T(strings.Replace(latin(text), "{list}", strings.Join(lines, "\n"), 1)), Distribution: misp.N(int64(intel.Inherit))}}
}

// discuss is what others make of an event that was shared: they meet its values, and
// say what they know better.
func (c *country) discuss(ctx context.Context, uuid string, ev *misp.Event) error {
	if ev.Distribution.V == int64(intel.OwnOrg) || len(ev.Attribute) == 0 {
		return nil
	}
	a := ev.Attribute[c.rng.IntN(len(ev.Attribute))]
	if c.rng.IntN(2) == 0 {
		for range 1 + c.rng.IntN(3) {
			who := c.actors[[]int{1, 9, 14, 2}[c.rng.IntN(4)]]
			g := intel.Sighting{Seen: c.Clock.Now().Add(-time.Duration(c.rng.IntN(40)) * time.Hour).Unix()}
			if _, _, err := c.Intel.AddSightings(ctx, who, nil, []string{a.Value.Or("")}, g); err != nil {
				return fmt.Errorf("sighting: %w", err)
			}
		}
	}
	if c.rng.IntN(5) > 0 {
		return nil
	}
	c.Clock.Add(25 * time.Minute)
	p := misp.Attribute{Type: misp.T("domain"), Value: misp.T(fmt.Sprintf("rezerva-%d.example", c.rng.IntN(900))), Comment: misp.T(latin("исти власник, регистрован истог дана"))}
	_, err := c.Remarks.Propose(ctx, c.actors[publisher], uuid, p)
	return err
}

// publisher is the person of the telecommunications operator who shares with the CERTs.
const publisher = 14

// handOn lets the operator ask the national CERT to publish what it does not want to
// publish under its own name.
func (c *country) handOn(ctx context.Context) error {
	who := c.actors[publisher]
	ev := &misp.Event{Info: misp.T(latin("Лажни позиви у име подршке: бројеви и странице")), Date: misp.T(c.Clock.Now().Format("2006-01-02")), ThreatLevelID: misp.N(2), Distribution: misp.N(int64(intel.OwnOrg)),
		Tag:       []misp.Tag{{Name: misp.T("tlp:amber")}},
		Attribute: []misp.Attribute{{Type: misp.T("phone-number"), Value: misp.T("+381 11 555 0142")}, {Type: misp.T("domain"), Value: misp.T("podrska-naloga.example")}, {Type: misp.T("url"), Value: misp.T("http://podrska-naloga.example/udaljeni-pristup")}}}
	saved, err := c.Intel.AddEvent(ctx, who, intel.FromEvent(ev), intel.AddOptions{})
	if err != nil {
		return err
	}
	_, err = c.Remarks.Delegate(ctx, who, saved.UUID, c.orgs[0].UUID, intel.Community, 0, latin("Молимо да објавите под својим именом: не бисмо да се зна који је оператор погођен."))
	return err
}

// dossier gathers what the national CERT holds of one group: its cluster, the newest
// events that are marked with it, and one of a partner's that is not here.
func (c *country) dossier(ctx context.Context) error {
	lead := c.actors[0]
	name, text, kind, level := latin("Поштар: таласи порука о пошиљкама"), latin("Шта знамо о групи од почетка године. Допуните пре него што се прича отвори на састанку са операторима."), "campaign", intel.Community
	list := []dossier.Element{{Target: "5b1f0a5e-7a0c-4a53-9d2a-0c5ad1c8f102", Kind: "GalaxyCluster", Description: latin("наше име за групу")},
		{Target: "5b1f0a5e-7a0c-4a53-9d2a-0c5ad1c8f9aa", Kind: "Event", Description: latin("догађај партнера, још није преузет")}}
	q := intel.Query{Tag: intel.Filter{Or: []string{`misp-galaxy:napadaci="Poštar"`}}, Limit: 3, Page: 1}
	if _, err := c.Intel.SearchEvents(ctx, lead, q, func(e *intel.Event) error {
		list = append(list, dossier.Element{Target: e.UUID, Kind: "Event"})
		return nil
	}); err != nil {
		return err
	}
	_, err := c.Dossiers.AddDossier(ctx, lead, dossier.Draft{Name: &name, Type: &kind, Description: &text, Distribution: &level, Elements: &list})
	return err
}

// collection is what the sensors of members read over TAXII.
func (c *country) collection(ctx context.Context) error {
	_, err := c.Intel.SaveDefinition(ctx, c.actors[0], "", intel.Definition{Alias: "senzori", Title: latin("Индикатори за сензоре"), Description: latin("Све што сме свим чланицама и што се може тражити у саобраћају; застарело само излази."),
		Readers: intel.ReadMembers, Ceiling: tlp.Green, Types: []string{"indicator"}, Days: 90, Lapse: true}, false)
	return err
}

// weekly is the operator's own reporting through the portal, every other day.
func (c *country) weekly(ctx context.Context, day, days int) error {
	if day%2 == 1 && day%9 != 4 {
		return nil
	}
	operator := c.actors[operatorAdmin+day/2%2]
	s := operatorStories[day/2%len(operatorStories)]
	c.Clock.Add(time.Duration(5+c.rng.IntN(50)) * time.Minute)
	in := c.written(s)
	in.Channel, in.Anonymous, in.Sealed, in.ReceivedBy, in.What = "portal", false, false, "", s.what
	in.Body.For, in.Body.OrgName, in.Body.Description = "organisation", latin(orgs[2].name), latin(withNumber(s.text, 10+c.rng.IntN(90)))
	in.Contact.Name, in.Contact.Email, in.Contact.Phone, in.Lang = operator.Name, c.emails[operatorAdmin+day/2%2], "", "sr-Latn"
	rc, err := c.Intake.Submit(ctx, operator, in)
	if err != nil {
		return fmt.Errorf("portal: %w", err)
	}
	c.Clock.Add(2 * time.Minute)
	if err := c.Tick(ctx); err != nil {
		return err
	}
	return c.triage(ctx, rc.ID, s, day, days)
}

// operatorStories are what an electricity distributor writes in a quarter of a year.
var operatorStories = []story{
	{"message", "Запослени у Подунављу добијају поруке о наводном обрачуну плате. Веза води на obracun-%d[.]example. Двоје је унело лозинку, промењене су.", "fraud/phishing", "", true},
	{"intruder", "Дневник заштитног зида показује понављане покушаје са 203.0.113.%d на портал за даљински приступ. Приступ је ограничен на познате адресе.", "intrusion-attempts/brute-force", "", true},
	{"other", "Извођач радова је прикључио свој рачунар у мрежу трафостанице. Рачунар тражи адресу 198.51.100.%d. Прикључак смо угасили.", "malicious-code/infected-system", "", true},
	{"question", "Произвођач бројила тражи стални приступ ради очитавања. Какве услове да поставимо у уговору?", "", "", true},
	{"down", "Страница за пријаву квара није радила четрдесет минута због наглог саобраћаја. Провајдер је филтрирао.", "availability/ddos", "", true},
}

// wave is what reaches the shift when a campaign of messages begins: the same thing
// from forty people within the hour.
func (c *country) wave(ctx context.Context) error {
	for i := range waveSize {
		c.moveTo(c.to.Add(-time.Duration(56-i) * time.Minute))
		in := c.written(wavy[i%len(wavy)])
		in.Sealed, in.Anonymous, in.Channel, in.ReceivedBy, in.What = false, false, "web", "", "message"
		in.Body.For, in.Body.OrgName, in.Body.Where = "self", "", ""
		in.Body.Description = withNumber(wavy[i%len(wavy)].text, 10+i%4)
		if _, err := c.Intake.Submit(ctx, ident.Nobody(ident.Web), in); err != nil {
			return fmt.Errorf("wave: %w", err)
		}
	}
	return nil
}

const waveSize = 46

var wavy = []story{
	{text: "Стигао ми је СМС да пошиљка не може да се испоручи и да платим 149 динара на posiljka-%d[.]example. Нисам платила, јављам да знате."},
	{text: "Порука да је пакет задржан, са везом posiljka-%d[.]example/naplata. Отац је унео број картице, банку смо звали."},
	{text: "Добио сам поруку од „поште” са непознатог броја. Веза је posiljka-%d[.]example. Не чекам никакву пошиљку."},
	{text: "Цела породица је добила исту поруку о достави. Страница posiljka-%d[.]example изгледа као поштина."},
	{text: "На сајту posiljka-%d[.]example траже број картице за доставу од 149 динара. Да ли је то превара?"},
}
