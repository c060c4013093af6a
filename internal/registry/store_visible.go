package registry

import (
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
)

// The two tests of visibility. Each has the audience, and the one exception that
// stands nowhere else: an organisation sees its own record. Whoever belongs to an
// organisation that was merged away belongs to the one that took it in.

// cardSeen tests a row of registry_organisation with this alias; scan is for
// queries that walk many rows.
func cardSeen(who ident.Actor, alias string, scan bool) string {
	return orOwn(who, visible(who, alias+".audience_id", scan), alias+".id")
}

func visible(who ident.Actor, col string, scan bool) string {
	if scan {
		return access.VisibleScan(who, col)
	}
	return access.Visible(who, col)
}

// detailSeen tests a detail of the organisation in orgCol. The operator of the
// command line sees no details: numbers, states and times only.
func detailSeen(who ident.Actor, orgCol, audienceCol string, scan bool) string {
	if who.Kind == ident.Operator {
		return "1 = 0"
	}
	return orOwn(who, visible(who, audienceCol, scan), orgCol)
}

func orOwn(who ident.Actor, test, orgCol string) string {
	if own := ownTest(who, orgCol); own != "" {
		return "(" + test + " OR " + own + ")"
	}
	return "(" + test + ")"
}

// ownTest is "" for who belongs to no organisation. The id is a number of ours.
func ownTest(who ident.Actor, orgCol string) string {
	if who.Kind != ident.Person || who.Org == 0 {
		return ""
	}
	return orgCol + " IN (SELECT own.resolved_id FROM registry_organisation own WHERE own.id = " + strconv.FormatInt(who.Org, 10) + ")"
}

func yes(test string) string {
	if test == "" {
		test = "1 = 0"
	}
	return "CASE WHEN " + test + " THEN 1 ELSE 0 END"
}
