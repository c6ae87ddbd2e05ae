package zone

import (
	"encoding/json"
	"time"
)

// importLine is a row on its way to a running service, one JSON object a line.
type importLine struct {
	Username  string        `json:"username"`
	Subdomain string        `json:"subdomain"`
	Password  Secret        `json:"password,omitzero"`
	Bcrypt    string        `json:"bcrypt,omitempty"`
	AllowFrom AllowList     `json:"allowfrom"`
	Updated   int64         `json:"updated,omitempty"`
	Values    []importValue `json:"values,omitempty"`
}

type importValue struct {
	Text  string `json:"txt"`
	SetAt int64  `json:"set_at"`
}

// MarshalJSON writes the row as a running service takes it.
func (r ImportRow) MarshalJSON() ([]byte, error) {
	a := r.Account
	line := importLine{Username: a.Username, Subdomain: a.Subdomain, Password: a.Password, Bcrypt: a.Bcrypt, AllowFrom: a.AllowFrom}
	if !a.Updated.IsZero() {
		line.Updated = a.Updated.Unix()
	}
	for _, v := range r.Values {
		line.Values = append(line.Values, importValue{v.Text, v.SetAt})
	}
	return json.Marshal(line)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *ImportRow) UnmarshalJSON(text []byte) error {
	var line importLine
	if err := json.Unmarshal(text, &line); err != nil {
		return err
	}
	*r = ImportRow{Account: Account{
		Username: line.Username, Subdomain: line.Subdomain, Password: line.Password, Bcrypt: line.Bcrypt, AllowFrom: line.AllowFrom,
	}}
	if line.Updated != 0 {
		r.Account.Updated = time.Unix(line.Updated, 0)
	}
	for _, v := range line.Values {
		r.Values = append(r.Values, Value{Text: v.Text, SetAt: v.SetAt})
	}
	return nil
}
