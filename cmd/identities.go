package cmd

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/kratos"
)

func newIdentitiesCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "identities",
		Aliases: []string{"identity"},
		Short:   "The identities of Kratos: list, show, make, change, suspend, import",
		GroupID: groupData,
	}
	c.AddCommand(newIdentitiesListCommand(g), newIdentitiesGetCommand(g), newIdentitiesCreateCommand(g), newIdentitiesEditCommand(g),
		newIdentitiesSuspendCommand(g), newIdentitiesActivateCommand(g), newIdentitiesDeleteCommand(g), newIdentitiesSessionsCommand(g), newIdentitiesMessagesCommand(g),
		newIdentitiesRecoverCommand(g), newIdentitiesImportCommand(g), newIdentitiesExportCommand(g))
	return c
}

// identityOf is an identity as it is printed.
func identityOf(i kratos.Identity) identityOut {
	out := identityOut{
		ID: i.ID, Label: i.Label(), SchemaID: i.SchemaID, State: string(i.State), StateChangedAt: timeOrNil(i.StateChangedAt),
		ExternalID: i.ExternalID, OrganizationID: i.OrganizationID,
		Traits: i.Traits, MetadataPublic: i.MetadataPublic, MetadataAdmin: i.MetadataAdmin,
		Addresses: []addressOut{}, Recovery: []addressOut{}, CreatedAt: timeOrNil(i.Created), UpdatedAt: timeOrNil(i.Updated),
	}
	if len(out.Traits) == 0 {
		out.Traits = json.RawMessage("null")
	}
	for _, a := range i.Addresses {
		out.Addresses = append(out.Addresses, addressOut{Value: a.Value, Via: a.Via, Verified: &a.Verified, Status: a.Status, VerifiedAt: timeOrNil(a.VerifiedAt)})
	}
	for _, a := range i.RecoveryAddresses {
		out.Recovery = append(out.Recovery, addressOut{Value: a.Value, Via: a.Via})
	}
	for _, c := range i.Credentials {
		identifiers := c.Identifiers
		if identifiers == nil {
			identifiers = []string{}
		}
		out.Credentials = append(out.Credentials, credentialOut{c.Type, identifiers})
	}
	return out
}

// mails are the addresses of an identity in one cell, the unverified ones marked.
func (i identityOut) mails() string {
	var out []string
	for _, a := range i.Addresses {
		mark := ""
		if a.Verified != nil && !*a.Verified {
			mark = " (not verified)"
		}
		out = append(out, a.Value+mark)
	}
	return strings.Join(out, ", ")
}

var identityColumns = []column[identityOut]{
	{Name: "id", Text: func(i identityOut) string { return i.ID }},
	{Name: "state", Text: func(i identityOut) string { return i.State }},
	{Name: "label", Text: func(i identityOut) string { return i.Label }},
	{Name: "addresses", Text: identityOut.mails},
	{Name: "schema_id", Text: func(i identityOut) string { return i.SchemaID }},
	{Name: "external_id", Text: func(i identityOut) string { return i.ExternalID }, CSVOnly: true},
	{Name: "created_at", Text: func(i identityOut) string { return moment(i.CreatedAt) }, CSVOnly: true},
	{Name: "traits", Text: func(i identityOut) string { return string(i.Traits) }, CSVOnly: true},
}
