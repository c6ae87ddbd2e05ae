package zone

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// fromOutside are the changes that an operator's command may hand to a running
// service, by the name under which it does.
var fromOutside = map[string]Change{
	"register":        Register{},
	"bind-domain":     BindDomain{},
	"unbind-domain":   UnbindDomain{},
	"rotate-password": RotatePassword{},
	"remove-account":  RemoveAccount{},
	"set-value":       SetValue{},
	"remove-value":    RemoveValue{},
	"create-token":    CreateToken{},
	"revoke-token":    RevokeToken{},
}

// EncodeChange returns the kind of a change and its text, for DecodeChange.
func EncodeChange(c Change) (kind string, text []byte, err error) {
	for name, of := range fromOutside {
		if reflect.TypeOf(of) == reflect.TypeOf(c) {
			text, err = json.Marshal(c)
			return name, text, err
		}
	}
	return "", nil, fmt.Errorf("a change of type %T can't be handed to a service", c)
}

// DecodeChange reads what EncodeChange wrote.
func DecodeChange(kind string, text []byte) (Change, error) {
	of, ok := fromOutside[kind]
	if !ok {
		return nil, fmt.Errorf("there is no change of the kind %.40q", kind)
	}
	change := reflect.New(reflect.TypeOf(of))
	if err := json.Unmarshal(text, change.Interface()); err != nil {
		return nil, err
	}
	return change.Elem().Interface().(Change), nil
}
