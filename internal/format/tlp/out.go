package tlp

// Way is a way out of the circle that the owner chose.
type Way string

// The ways out. Members is everybody with an account here.
const (
	Public     Way = "public"      // pages and collections without log-in
	Feed       Way = "feed"        // feeds that anyone may fetch
	Members    Way = "members"     // all members of this installation
	Peer       Way = "peer"        // another instance, by push or pull
	Mail       Way = "mail"        // a letter in the clear
	SealedMail Way = "sealed-mail" // a letter encrypted to the recipient
	Export     Way = "export"      // a bulk file for someone who may see the rows
)

// Ways are all ways out.
func Ways() []Way { return []Way{Public, Feed, Members, Peer, Mail, SealedMail, Export} }

// Answer says whether something may go a way.
type Answer uint8

// The answers. Ask means: a page asks the person first, a machine holds it back.
const (
	Hold Answer = iota
	Ask
	Pass
)

// Circumstance is what the caller knows about a case.
type Circumstance struct {
	Own   bool // it was made here, not received from somebody else
	Named bool // the owner's audience names those who would receive it: an organisation, a group, a person
}

// Verdict is an answer with its reason, a message key that is empty for Pass.
type Verdict struct {
	Answer Answer
	Reason string
}

// Reasons why something is held or asked about.
const (
	ReasonUnlabelled = "tlp.held.unlabelled" // no label and no policy: treated as not to leave
	ReasonOnlyClear  = "tlp.held.only_clear" // public ways carry CLEAR alone
	ReasonAskMembers = "tlp.ask.members"     // an AMBER to all members
	ReasonNamedOrgs  = "tlp.held.named_orgs" // AMBER+STRICT goes to named organisations only
	ReasonNamedOnes  = "tlp.held.named_ones" // AMBER goes to the chosen audience only
	ReasonOnward     = "tlp.held.onward"     // what others gave as AMBER is passed on to nobody
	ReasonPersons    = "tlp.held.persons"    // RED is for the persons named, and leaves by no way
	ReasonEncrypt    = "tlp.held.encrypt"    // from AMBER up a letter must be encrypted
)

// Out decides whether something with a label may go a way.
func Out(l Level, w Way, c Circumstance) Verdict {
	pass := Verdict{Answer: Pass}
	hold := func(reason string) Verdict { return Verdict{Hold, reason} }
	switch {
	case l == None:
		return hold(ReasonUnlabelled)
	case l == Clear:
		return pass
	case l >= Red:
		return hold(ReasonPersons)
	case w == Public || w == Feed:
		return hold(ReasonOnlyClear)
	case l == Green:
		return pass
	}
	switch w { // AMBER and AMBER+STRICT from here
	case Members:
		if l == AmberStrict {
			return hold(ReasonNamedOrgs)
		}
		return Verdict{Ask, ReasonAskMembers}
	case Mail:
		return hold(ReasonEncrypt)
	case Peer:
		if !c.Own {
			return hold(ReasonOnward)
		}
	case SealedMail, Export:
	default:
		return hold(ReasonNamedOnes)
	}
	if !c.Named {
		if l == AmberStrict {
			return hold(ReasonNamedOrgs)
		}
		return hold(ReasonNamedOnes)
	}
	return pass
}

// Reach is the widest kind of reader in an audience.
type Reach uint8

// The reaches, from narrow to wide.
const (
	ToPersons Reach = iota + 1
	ToOrganisations
	ToMembers
	ToPeers
	ToPublic
)

// Fits decides whether an owner may choose an audience of a reach for a label:
// our pages ask before an AMBER goes to all members and refuse what contradicts
// the label.
func Fits(l Level, r Reach) Verdict {
	switch {
	case l == None || l == Clear:
		return Verdict{Answer: Pass}
	case l == Green && r == ToPublic:
		return Verdict{Hold, ReasonOnlyClear}
	case l == Green:
		return Verdict{Answer: Pass}
	case l == Amber && r >= ToPeers:
		return Verdict{Hold, ReasonNamedOnes}
	case l == Amber && r == ToMembers:
		return Verdict{Ask, ReasonAskMembers}
	case l == AmberStrict && r > ToOrganisations:
		return Verdict{Hold, ReasonNamedOrgs}
	case l >= Red && r > ToPersons:
		return Verdict{Hold, ReasonPersons}
	}
	return Verdict{Answer: Pass}
}
