import { Namespace, Context }   from '@ory/keto-namespace-types'
// People.
class User implements Namespace {}
export class   Group implements Namespace{related:{members:(User|SubjectSet<Group,'members'>)[]
  managers : Array< User > ; /* who leads */ }


  permits={ invite:(ctx:Context):boolean=>this.related.managers.includes(ctx.subject), // who invites
   // everything else
   "very long": (ctx) => (this.related.managers.includes(ctx.subject)||this.related["members"].includes(ctx.subject))&&!(this.related.members.includes(ctx.subject)),
   odd: (ctx) => // why
     this.related.managers.includes(ctx.subject) // first
     || /* second */ this.permits.invite(ctx)
  }
  // the end
} // after

class Doc implements Namespace {
  related: { parents: Group[], }
  permits = {
    view: (ctx) => this.related.parents.traverse((p)=>p.permits.invite(ctx)) }
}
/* nothing more
     comes */
