package zone

import "testing"

func TestWhoMayHaveAnAccount(t *testing.T) {
	mine := Token{ID: "mine", Domains: Patterns{"a.test", "*.a.test"}}
	for what, x := range map[string]struct {
		domain, binder, maker string
		others, holders       []string
		want                  bool
	}{
		"bound with it":                            {domain: "a.test", binder: "mine", holders: []string{"mine"}, want: true},
		"bound with it, and for more":              {domain: "a.test", binder: "mine", others: []string{"b.test"}, holders: []string{"mine", "other"}, want: true},
		"made with it, bound by the operator":      {domain: "a.test", maker: "mine", others: []string{"b.test"}, holders: []string{"mine"}, want: true},
		"made with it, bound with another":         {domain: "a.test", binder: "other", maker: "mine", holders: []string{"mine", "other"}},
		"bound with another":                       {domain: "a.test", binder: "other", holders: []string{"other"}},
		"the operator's":                           {domain: "a.test", want: true},
		"the operator's, all of it":                {domain: "www.a.test", others: []string{"a.test"}, want: true},
		"the operator's, for more":                 {domain: "a.test", others: []string{"b.test"}},
		"the operator's, made with another":        {domain: "a.test", maker: "other", holders: []string{"other"}},
		"the operator's, made with one that ended": {domain: "a.test", maker: "ended", want: true},
		"a domain that it isn't good for":          {domain: "b.test", binder: "mine", maker: "mine", holders: []string{"mine"}},
	} {
		b := Binding{Domain: x.domain, Token: x.binder, Holders: x.holders,
			Account: Account{Token: x.maker, Domains: append([]string{x.domain}, x.others...)}}
		if got := mine.MayHave(b); got != x.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}
