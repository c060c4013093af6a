package web

import (
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"text/template/parse"

	"straza/internal/kernel/i18n"
)

// checker walks a template's tree with the types that will be there when it runs,
// so that a misspelt field in a branch that no sample takes is found all the same.
// It is strict where it knows a type and silent where it cannot (interface values).
type checker struct {
	set   *template.Template
	funcs template.FuncMap
	cat   *i18n.Catalog
	vars  map[string]reflect.Type
	errs  []error
	seen  map[string]bool
}

// typeCheck gives everything wrong with a tree that gets a value of type dot.
func typeCheck(set *template.Template, tree *parse.Tree, dot reflect.Type, funcs template.FuncMap, cat *i18n.Catalog) []error {
	c := &checker{set: set, funcs: funcs, cat: cat, vars: map[string]reflect.Type{"$": dot}, seen: map[string]bool{}}
	c.list(tree.Root, dot)
	return c.errs
}

func (c *checker) bad(n parse.Node, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: "+format, append([]any{n.String()}, args...)...))
}

func (c *checker) list(l *parse.ListNode, dot reflect.Type) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		c.node(n, dot)
	}
}

func (c *checker) node(n parse.Node, dot reflect.Type) {
	switch n := n.(type) {
	case *parse.ListNode:
		c.list(n, dot)
	case *parse.ActionNode:
		c.pipe(n.Pipe, dot)
	case *parse.IfNode:
		c.pipe(n.Pipe, dot)
		c.list(n.List, dot)
		c.list(n.ElseList, dot)
	case *parse.WithNode:
		c.list(n.List, c.pipe(n.Pipe, dot))
		c.list(n.ElseList, dot)
	case *parse.RangeNode:
		c.rangeOver(n, dot)
	case *parse.TemplateNode:
		c.call(n, dot)
	}
}

// rangeOver gives the body the element type and the variables theirs.
func (c *checker) rangeOver(n *parse.RangeNode, dot reflect.Type) {
	t := c.pipe(n.Pipe, dot)
	key, elem := reflect.Type(nil), reflect.Type(nil)
	if t != nil {
		switch d := deref(t); d.Kind() {
		case reflect.Slice, reflect.Array:
			key, elem = reflect.TypeFor[int](), d.Elem()
		case reflect.Map:
			key, elem = d.Key(), d.Elem()
		case reflect.Int, reflect.Int64:
			key, elem = d, d
		case reflect.Interface, reflect.Func, reflect.Chan:
		default:
			c.bad(n.Pipe, "cannot range over %s", t)
		}
	}
	if d := n.Pipe.Decl; len(d) == 1 {
		c.vars[d[0].Ident[0]] = elem
	} else if len(d) == 2 {
		c.vars[d[0].Ident[0]], c.vars[d[1].Ident[0]] = key, elem
	}
	c.list(n.List, elem)
	c.list(n.ElseList, dot)
}

// call follows {{template "part" .X}} once per part and type.
func (c *checker) call(n *parse.TemplateNode, dot reflect.Type) {
	var arg reflect.Type
	if n.Pipe != nil {
		arg = c.pipe(n.Pipe, dot)
	}
	part := c.set.Lookup(n.Name)
	if part == nil || part.Tree == nil {
		c.bad(n, "no such part")
		return
	}
	key := n.Name + " " + fmt.Sprint(arg)
	if c.seen[key] || arg == nil {
		return
	}
	c.seen[key] = true
	sub := &checker{set: c.set, funcs: c.funcs, cat: c.cat, vars: map[string]reflect.Type{"$": arg}, seen: c.seen}
	sub.list(part.Tree.Root, arg)
	c.errs = append(c.errs, sub.errs...)
}

// pipe gives the type of a pipeline, nil when it is not known.
func (c *checker) pipe(p *parse.PipeNode, dot reflect.Type) reflect.Type {
	if p == nil {
		return nil
	}
	var t reflect.Type
	for i, cmd := range p.Cmds {
		t = c.command(cmd, dot, t, i > 0)
	}
	for _, v := range p.Decl {
		if !p.IsAssign {
			c.vars[v.Ident[0]] = t
		}
	}
	return t
}

// command types one command; last is what the pipe brings as its last argument.
func (c *checker) command(cmd *parse.CommandNode, dot, last reflect.Type, piped bool) reflect.Type {
	args := make([]reflect.Type, 0, len(cmd.Args))
	for _, a := range cmd.Args[1:] {
		args = append(args, c.arg(a, dot))
	}
	if piped {
		args = append(args, last)
	}
	switch first := cmd.Args[0].(type) {
	case *parse.IdentifierNode:
		c.messageKey(first.Ident, cmd)
		return c.function(cmd, first.Ident, args)
	case *parse.FieldNode:
		return c.fields(cmd, dot, first.Ident, args)
	case *parse.VariableNode:
		return c.fields(cmd, c.vars[first.Ident[0]], first.Ident[1:], args)
	case *parse.ChainNode:
		return c.fields(cmd, c.arg(first.Node, dot), first.Field, args)
	default:
		return c.arg(cmd.Args[0], dot)
	}
}

// arg types an argument.
func (c *checker) arg(n parse.Node, dot reflect.Type) reflect.Type {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.fields(n, dot, n.Ident, nil)
	case *parse.VariableNode:
		return c.fields(n, c.vars[n.Ident[0]], n.Ident[1:], nil)
	case *parse.ChainNode:
		return c.fields(n, c.arg(n.Node, dot), n.Field, nil)
	case *parse.PipeNode:
		return c.pipe(n, dot)
	case *parse.IdentifierNode:
		return c.function(n, n.Ident, nil)
	case *parse.StringNode:
		return reflect.TypeFor[string]()
	case *parse.BoolNode:
		return reflect.TypeFor[bool]()
	}
	return nil // numbers fit several types, nil fits any
}

// fields follows a chain of fields and methods from t.
func (c *checker) fields(n parse.Node, t reflect.Type, names []string, args []reflect.Type) reflect.Type {
	for i, name := range names {
		if t == nil || t.Kind() == reflect.Interface && t.NumMethod() == 0 {
			return nil
		}
		if m, ok := method(t, name); ok {
			var given []reflect.Type
			if i == len(names)-1 {
				given = args
			}
			t = c.result(n, name, m, given)
			continue
		}
		switch d := deref(t); d.Kind() {
		case reflect.Struct:
			f, ok := d.FieldByName(name)
			if !ok || !f.IsExported() {
				c.bad(n, "%s has no field or method %s", d, name)
				return nil
			}
			t = f.Type
		case reflect.Map:
			t = d.Elem()
		default:
			c.bad(n, "%s has no field %s", t, name)
			return nil
		}
	}
	return t
}

// method finds a method of t or of its pointer, as a function without receiver.
func method(t reflect.Type, name string) (reflect.Type, bool) {
	for _, x := range []reflect.Type{t, reflect.PointerTo(deref(t))} {
		m, ok := x.MethodByName(name)
		if !ok {
			continue
		}
		if x.Kind() == reflect.Interface {
			return m.Type, true
		}
		in := make([]reflect.Type, 0, m.Type.NumIn())
		for i := 1; i < m.Type.NumIn(); i++ {
			in = append(in, m.Type.In(i))
		}
		out := make([]reflect.Type, m.Type.NumOut())
		for i := range out {
			out[i] = m.Type.Out(i)
		}
		return reflect.FuncOf(in, out, m.Type.IsVariadic()), true
	}
	return nil, false
}

// builtin functions of text/template that give their argument's kind or a bool.
var builtin = map[string]reflect.Type{"eq": reflect.TypeFor[bool](), "ne": reflect.TypeFor[bool](), "lt": reflect.TypeFor[bool](),
	"le": reflect.TypeFor[bool](), "gt": reflect.TypeFor[bool](), "ge": reflect.TypeFor[bool](), "not": reflect.TypeFor[bool](),
	"len": reflect.TypeFor[int](), "print": reflect.TypeFor[string](), "printf": reflect.TypeFor[string](), "println": reflect.TypeFor[string]()}

func (c *checker) function(n parse.Node, name string, args []reflect.Type) reflect.Type {
	if f, ok := c.funcs[name]; ok {
		return c.result(n, name, reflect.TypeOf(f), args)
	}
	if name == "index" && len(args) > 0 && args[0] != nil {
		if d := deref(args[0]); len(args) == 2 && (d.Kind() == reflect.Slice || d.Kind() == reflect.Map) {
			return d.Elem()
		}
	}
	return builtin[name]
}

// result checks the arguments of f and gives its first result.
func (c *checker) result(n parse.Node, name string, f reflect.Type, args []reflect.Type) reflect.Type {
	if f.Kind() != reflect.Func {
		return nil
	}
	fixed := f.NumIn()
	if f.IsVariadic() {
		fixed--
	}
	if args != nil && (len(args) < fixed || len(args) > fixed && !f.IsVariadic()) {
		c.bad(n, "%s wants %d arguments, gets %d", name, fixed, len(args))
	}
	for i, a := range args {
		if a == nil || i >= fixed {
			continue
		}
		if in := f.In(i); !a.AssignableTo(in) && !reflect.PointerTo(a).AssignableTo(in) && deref(a) != in && !numeric(a, in) && a.Kind() != reflect.Interface {
			c.bad(n, "%s: argument %d is %s, not %s", name, i+1, a, in)
		}
	}
	if f.NumOut() == 0 {
		c.bad(n, "%s gives nothing", name)
		return nil
	}
	return f.Out(0)
}

// messageKey looks up literal keys of t and msg and the names of their arguments.
func (c *checker) messageKey(fn string, cmd *parse.CommandNode) {
	if fn != "t" && fn != "msg" || len(cmd.Args) < 2 {
		return
	}
	key, ok := cmd.Args[1].(*parse.StringNode)
	if !ok {
		return
	}
	var names []string
	for i := 2; i < len(cmd.Args); i += 2 {
		if s, ok := cmd.Args[i].(*parse.StringNode); ok {
			names = append(names, s.Text)
		}
	}
	want, ok := c.cat.Placeholders(key.Text)
	if !ok {
		c.bad(cmd, "message %q is missing", key.Text)
		return
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		c.bad(cmd, "message %q has placeholders %v, gets %v", key.Text, want, names)
	}
}

func numeric(a, b reflect.Type) bool {
	num := func(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 }
	return num(a) && num(b)
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
