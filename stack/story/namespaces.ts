import { Namespace, SubjectSet, Context } from "@ory/keto-namespace-types"

// The permission model of the story: who may do what at Acme. Keto follows at most
// five levels by default, so the rules are written flat: an "or" costs one level for
// each operand before the last when it stands inside an "and", which is why "open"
// is a permission of its own.

// People are bare subject ids: the id of their Kratos identity.
class User implements Namespace {}

// Groups hold people and other groups.
class Group implements Namespace {
  related: {
    members: (User | SubjectSet<Group, "members">)[]
    managers: User[]
  }

  permits = {
    invite: (ctx: Context): boolean => this.related.managers.includes(ctx.subject),
  }
}

// Folders hand down what they grant to everything in them.
class Folder implements Namespace {
  related: {
    parents: Folder[]
    owners: (User | SubjectSet<Group, "members">)[]
    editors: (User | SubjectSet<Group, "members">)[]
    viewers: (User | SubjectSet<Group, "members">)[]
  }

  permits = {
    view: (ctx: Context): boolean =>
      this.related.viewers.includes(ctx.subject) ||
      this.related.editors.includes(ctx.subject) ||
      this.related.owners.includes(ctx.subject) ||
      this.related.parents.traverse((f) => f.permits.view(ctx)),

    edit: (ctx: Context): boolean =>
      this.related.editors.includes(ctx.subject) ||
      this.related.owners.includes(ctx.subject) ||
      this.related.parents.traverse((f) => f.permits.edit(ctx)),
  }
}

// Documents, with a block list that wins over every grant.
class Doc implements Namespace {
  related: {
    parents: Folder[]
    owners: (User | SubjectSet<Group, "members">)[]
    editors: (User | SubjectSet<Group, "members">)[]
    viewers: (User | SubjectSet<Group, "members">)[]
    reviewers: (User | SubjectSet<Group, "members">)[]
    blocked: (User | SubjectSet<Group, "members">)[]
  }

  permits = {
    view: (ctx: Context): boolean => !this.related.blocked.includes(ctx.subject) && this.permits.open(ctx),

    open: (ctx: Context): boolean =>
      this.related.viewers.includes(ctx.subject) ||
      this.related.editors.includes(ctx.subject) ||
      this.related.owners.includes(ctx.subject) ||
      this.related.parents.traverse((f) => f.permits.view(ctx)),

    edit: (ctx: Context): boolean => !this.related.blocked.includes(ctx.subject) && this.permits.change(ctx),

    change: (ctx: Context): boolean =>
      this.related.editors.includes(ctx.subject) ||
      this.related.owners.includes(ctx.subject) ||
      this.related.parents.traverse((f) => f.permits.edit(ctx)),

    // Four eyes: who publishes must be a reviewer and able to change it.
    publish: (ctx: Context): boolean => this.related.reviewers.includes(ctx.subject) && this.permits.change(ctx),
  }
}

// Workspaces hold projects.
class Workspace implements Namespace {
  related: {
    admins: (User | SubjectSet<Group, "members">)[]
    members: (User | SubjectSet<Group, "members">)[]
  }

  permits = {
    enter: (ctx: Context): boolean =>
      this.related.members.includes(ctx.subject) || this.related.admins.includes(ctx.subject),

    administer: (ctx: Context): boolean => this.related.admins.includes(ctx.subject),
  }
}

// Projects: whoever is frozen out deploys nothing, lead or not.
class Project implements Namespace {
  related: {
    workspace: Workspace[]
    leads: (User | SubjectSet<Group, "members">)[]
    contributors: (User | SubjectSet<Group, "members">)[]
    frozen: (User | SubjectSet<Group, "members">)[]
  }

  permits = {
    view: (ctx: Context): boolean =>
      this.related.contributors.includes(ctx.subject) ||
      this.related.leads.includes(ctx.subject) ||
      this.related.workspace.traverse((w) => w.permits.enter(ctx)),

    deploy: (ctx: Context): boolean => !this.related.frozen.includes(ctx.subject) && this.permits.lead(ctx),

    lead: (ctx: Context): boolean =>
      this.related.leads.includes(ctx.subject) ||
      this.related.workspace.traverse((w) => w.permits.administer(ctx)),
  }
}

// What the demo server's home page asks for: app:homepage#read.
class app implements Namespace {
  related: {
    read: (User | SubjectSet<Group, "members">)[]
  }
}
