local session = std.extVar('session');

{
  claims: {
    iss: 'gatehouse',
    aud: ['gatehouse-demo'],
    sid: session.id,
    aal: session.authenticator_assurance_level,
    [if 'email' in session.identity.traits then 'email']: session.identity.traits.email,
    schema: session.identity.schema_id,
  },
}
