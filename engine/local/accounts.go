package local

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"

	"github.com/distribution/distribution/v3/registry/auth"
)

// pushers are the accounts that may do all with the machine's registry, our own and the one that passwords of
// ECR are for; any other may only read.
var pushers = []string{"push", "AWS"}

// accounts are the SHA-256 of passwords, by the account's name. Passwords are
// random, so that nothing is won by a hash that takes long, as htpasswd's does
// at every request.
type accounts map[string][]byte

func init() {
	if err := auth.Register("accounts", newAccounts); err != nil {
		panic(err)
	}
}

func newAccounts(options map[string]any) (auth.AccessController, error) {
	known := accounts{}
	for name, value := range options {
		sum, err := hex.DecodeString(fmt.Sprint(value))
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("auth.accounts.%s is no SHA-256 in hexadecimal digits", name)
		}
		known[name] = sum
	}
	return known, nil
}

// Authorized lets an account read, and those that push do all else.
func (a accounts) Authorized(r *http.Request, wanted ...auth.Access) (*auth.Grant, error) {
	name, password, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(sum[:], a[name]) != 1 {
		return nil, unknown("neither name nor password is known")
	}
	for _, each := range wanted {
		if each.Action != "pull" && !slices.Contains(pushers, name) {
			return nil, unknown(name + " may only read")
		}
	}
	return &auth.Grant{User: auth.UserInfo{Name: name}}, nil
}

// unknown is an auth.Challenge: the registry answers with 401.
type unknown string

func (u unknown) Error() string { return string(u) }

func (unknown) SetHeaders(_ *http.Request, w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="seaway"`)
}
