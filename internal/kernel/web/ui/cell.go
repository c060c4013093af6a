package ui

// Machine is what a machine made (a verb, an id, a reason), set in mono in a cell.
type Machine string

func (Machine) template() string { return "c-machine" }

// Acts are small buttons in a table's cell. They send the form with id Form, which
// stands outside the table, to each button's own Action.
type Acts struct {
	Form  string
	Items []Button
}

func (Acts) template() string { return "c-acts" }

// Buttons are the items, each bound to the form.
func (a Acts) Buttons() []Button {
	out := make([]Button, len(a.Items))
	for i, b := range a.Items {
		b.Form = a.Form
		out[i] = b
	}
	return out
}
