package lint

import "slices"

// Code names a kind of finding. Codes do not change: scripts and exceptions name them.
type Code string

// What is found in the model alone.
const (
	MixedOperators     Code = "mixed_operators"
	MissingOperator    Code = "missing_operator"
	TrailingOperator   Code = "trailing_operator"
	OpenParenthesis    Code = "open_parenthesis"
	EmptyGroup         Code = "empty_group"
	DroppedPermission  Code = "dropped_permission"
	DuplicateNamespace Code = "duplicate_namespace"
	DuplicateRelation  Code = "duplicate_relation"
	EndlessRule        Code = "endless_rule"
	ExponentialRule    Code = "exponential_rule"
	CircularRule       Code = "circular_rule"
	OpenToEverybody    Code = "open_to_everybody"
	NeverGranted       Code = "never_granted"
	UnreachableRule    Code = "unreachable_rule"
	GroupTooDeep       Code = "group_too_deep"
	BlockFailsOpen     Code = "block_fails_open"
	NestingLimit       Code = "nesting_limit"
	TraversedSet       Code = "traversed_set"
	UnusedRelation     Code = "unused_relation"
	NotOnServer        Code = "not_on_server"
	NotInModel         Code = "not_in_model"
)

// What is found in tuples.
const (
	PoisonTuple        Code = "poison_tuple"
	UnknownNamespace   Code = "unknown_namespace"
	UndeclaredRelation Code = "undeclared_relation"
	OnPermission       Code = "on_permission"
	UndeclaredSubject  Code = "undeclared_subject"
	TraversedID        Code = "traversed_id"
	PlainClassRelation Code = "plain_class_relation"
	SetStoredAsID      Code = "set_stored_as_id"
	EmptyPart          Code = "empty_part"
	OddCharacters      Code = "odd_characters"
	AmbiguousText      Code = "ambiguous_text"
	DuplicateTuple     Code = "duplicate_tuple"
	CaseTwin           Code = "case_twin"
	MixedSubjectForms  Code = "mixed_subject_forms"
	WideRelation       Code = "wide_relation"
	EmptySet           Code = "empty_set"
	SetCycle           Code = "set_cycle"
	TooDeep            Code = "too_deep"
	BlockTooDeep       Code = "block_too_deep"
	JoinedEmail        Code = "joined_email"
	EmailCollision     Code = "email_collision"
	OtherName          Code = "other_name"
	NoSuchPerson       Code = "no_such_person"
)

// About explains a Code.
type About struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=info"`
	// In is "model", "tuples", or "people" for what needs the identities of Kratos too.
	In string `json:"in" jsonschema:"enum=model,enum=tuples,enum=people"`
	// Finds says what is found, Meaning what that means for a person, Todo what to do.
	Finds   string `json:"finds"`
	Meaning string `json:"meaning"`
	Todo    string `json:"todo"`
}

// Codes are all kinds of findings, those of the model first.
func Codes() []About { return slices.Clone(codes) }

// Explain is what a Code means.
func Explain(c Code) (About, bool) {
	i := slices.IndexFunc(codes, func(a About) bool { return a.Code == c })
	if i < 0 {
		return About{}, false
	}
	return codes[i], true
}

var codes = []About{
	{MixedOperators, Error, "model", "&& and || side by side without parentheses",
		"Keto goes from left to right where TypeScript takes && first: the rule lets other people in than it seems to.",
		"Write the parentheses that are meant, and check with gatehouse test that the right people pass."},
	{MissingOperator, Error, "model", "two operands without an operator between them",
		"Keto joins them with the operator before them: who is let in hangs on a mistake.",
		"Write && or || between them."},
	{TrailingOperator, Warning, "model", "an operator with nothing behind it",
		"A condition was probably lost: the rule is looser or stricter than it was meant to be.",
		"Write what is missing, or take the operator away."},
	{OpenParenthesis, Warning, "model", "a parenthesis that a } closes",
		"Keto takes it as closed there; whoever reads it may see another rule.",
		"Close the parenthesis where it is meant to end."},
	{EmptyGroup, Error, "model", "a ! before empty parentheses",
		"Keto 0.13 to 26.2 breaks when somebody asks for this permission: nobody gets an answer.",
		"Write what must not hold between the parentheses, or take the ! away."},
	{DroppedPermission, Error, "model", "a permission without an expression",
		"Keto drops it without a word, and often what follows it: nobody can ever have it.",
		"Write an expression, or take the permission away."},
	{DuplicateNamespace, Error, "model", "two classes with the same name",
		"Keto decides by the last one and checks types against the first: a part of the rules has no effect.",
		"Put them into one class."},
	{DuplicateRelation, Error, "model", "two relations or permissions with the same name in a class",
		"Keto uses the first: what the second says has no effect.",
		"Keep one, or rename the other."},
	{EndlessRule, Error, "model", "a permission that asks itself without spending depth, through ! or &&",
		"Asking for it keeps Keto 0.13 to 26.2 busy until its memory is used up, for everybody. Newer servers answer with an error.",
		"Break the circle: let one of the rules ask relations in place of permissions."},
	{ExponentialRule, Error, "model", "permissions that ask each other in more steps than Keto can take",
		"One question can keep Keto busy for minutes or end its process, for everybody.",
		"Let the rules ask relations in place of each other, or lower limit.max_read_depth."},
	{CircularRule, Warning, "model", "a permission that asks itself about the same object",
		"It never grants anything to anybody, and each question pays for the circle until Keto's limit of depth.",
		"Take the operand away through which it comes back to itself."},
	{OpenToEverybody, Error, "model", "a permission that is granted where no tuple is stored",
		"This lets everybody in who is not named by a tuple, strangers included.",
		"Join it by && with a relation that people must have."},
	{NeverGranted, Error, "model", "a permission whose conditions exclude each other",
		"Nobody can ever have it, whatever is written.",
		"Correct the rule: it asks for something and for its opposite."},
	{UnreachableRule, Error, "model", "a relation that a permission comes to only beyond the server's limit of depth",
		"Nobody can ever have the permission through that relation.",
		"Put the operand further to the left or into fewer parentheses, let the rule ask it directly, or raise limit.max_read_depth."},
	{GroupTooDeep, Warning, "model", "groups that the server's limit of depth cuts off",
		"Who has the relation through a group is refused, while the same relation given directly lets in.",
		"Shorten the way from the permission to the relation, or raise limit.max_read_depth."},
	{BlockFailsOpen, Warning, "model", "a ! over something that can be deeper than the server's limit",
		"Keto takes what it did not reach as \"not in there\": who is blocked far enough down is let in all the same. Newer servers deny instead.",
		"Block people directly or through one group, keep the ! at the start of a rule, or raise limit.max_read_depth."},
	{NestingLimit, Info, "model", "how many groups and parents deep a permission can see",
		"Grants that lie deeper have no effect.",
		"Keep groups and folders flatter than that, or raise limit.max_read_depth."},
	{TraversedSet, Warning, "model", "a subject set as the type of a relation that is only traversed",
		"Keto asks the object itself and passes over the relation behind it: its members get nothing.",
		"Declare the class alone, as in parents: Folder[]."},
	{UnusedRelation, Info, "model", "a relation that no rule and no type refers to",
		"Writing it gives nobody anything, unless an application asks for it directly.",
		"Use it in a rule, or take it away."},
	{NotOnServer, Error, "model", "a namespace of the model that the server does not know",
		"The server runs another model: it denies everything in this namespace to everybody.",
		"Deploy the model, or point keto.opl at the one that is deployed."},
	{NotInModel, Error, "model", "a namespace of the server that the model does not have",
		"The server runs another model than the one that is looked at: what is said here may not hold.",
		"Point keto.opl at the model that is deployed."},

	{PoisonTuple, Error, "tuples", "a subject set with a relation that its namespace does not declare",
		"People who have access by another way get an error in its place, depending on the order in which Keto reads its rows.",
		"Replace it by the relation that was meant."},
	{UnknownNamespace, Error, "tuples", "a namespace that neither model nor server has",
		"Keto denies everything about it: the tuple gives nobody anything.",
		"Write the namespace that was meant, or remove the tuple."},
	{UndeclaredRelation, Warning, "tuples", "a tuple on a relation that the model does not declare",
		"No rule reads it, and whoever asks for it gets an error: it gives nobody anything.",
		"Write the relation that was meant, or remove the tuple."},
	{OnPermission, Error, "tuples", "a tuple on a permission",
		"It grants the permission past its rule, blocks included. In strict mode it is ignored.",
		"Write a relation that the rule asks for, and remove this tuple."},
	{UndeclaredSubject, Warning, "tuples", "a subject of a type that the relation does not declare",
		"Outside strict mode it grants all the same; in strict mode it may be ignored: who is let in hangs on a setting.",
		"Write the type that is declared, or declare this one."},
	{TraversedID, Error, "tuples", "a bare id on a relation that is traversed",
		"Nothing is inherited: nobody gets what the parent grants.",
		"Write the object as a subject set, such as Folder:f#."},
	{PlainClassRelation, Warning, "tuples", "a subject set with a relation of a class that has none",
		"Nobody is ever in it: the tuple gives nobody anything.",
		"Write the person as a bare id, or the object without a relation."},
	{SetStoredAsID, Error, "tuples", "a bare id that reads like a subject set",
		"Keto takes it for a person with that odd name: no member of the group gets anything.",
		"Write it as a subject set."},
	{EmptyPart, Error, "tuples", "a tuple with an empty part",
		"No check ever asks for it: it gives nobody anything.",
		"Remove it."},
	{OddCharacters, Warning, "tuples", "spaces at the ends or characters that cannot be seen in a name",
		"Keto compares byte by byte: the name looks right and never matches.",
		"Write the name without them."},
	{AmbiguousText, Info, "tuples", "a tuple whose text reads as another tuple",
		"Tools that take tuples as text would read or remove another one.",
		"Use JSON for it; gatehouse does by itself."},
	{DuplicateTuple, Info, "tuples", "a tuple that is stored more than once",
		"It grants no more than one would; removing it once removes all of them.",
		"Nothing needs to be done; writing it once is enough."},
	{CaseTwin, Warning, "tuples", "two names that differ in nothing but upper and lower case",
		"To Keto they are two: who is given something under one has nothing under the other.",
		"Choose one way of writing it, and write the tuples of the other anew."},
	{MixedSubjectForms, Warning, "tuples", "people both as bare ids and as objects on the same relation",
		"A check matches only the form that it asks with: some of these people are refused.",
		"Choose one form, the one that the applications ask with."},
	{WideRelation, Error, "tuples", "more subject sets on one relation than the server looks at",
		"Keto looks at some of them only: people of the others are refused, and which ones changes with every write.",
		"Put the groups into one group, or raise limit.max_read_width."},
	{EmptySet, Warning, "tuples", "a subject set that nobody is in",
		"It gives nobody anything, until somebody is put in. A misspelt name looks like this.",
		"Check the name, or add the members."},
	{SetCycle, Warning, "tuples", "groups or parents that contain each other",
		"Everybody in one is in all of them, and each check goes round until Keto notices.",
		"Remove the tuple that closes the circle."},
	{TooDeep, Warning, "tuples", "stored grants that lie beyond the server's limit of depth",
		"These people are refused although the tuples say that they have access.",
		"Give the group directly, flatten the groups or folders, or raise limit.max_read_depth."},
	{BlockTooDeep, Error, "tuples", "a stored block that lies beyond the server's limit of depth",
		"This lets people in who are blocked: Keto does not look that deep and takes them as not blocked.",
		"Block the inner group directly, or raise limit.max_read_depth."},
	{JoinedEmail, Warning, "people", "somebody is named by their e-mail address without the @",
		"Somebody else can register an address that reads the same without its @, and gets this access.",
		"Name people by their Kratos id."},
	{EmailCollision, Error, "people", "two people whose e-mail addresses are the same without the @",
		"An application that names people so takes one for the other: each gets what the other was given.",
		"Let the application ask with the Kratos id, and write the tuples so."},
	{OtherName, Warning, "people", "somebody is named by their e-mail where people are named by their Kratos id",
		"A check that asks with the id does not find this: the person is refused.",
		"Write the tuple with the id, and remove this one."},
	{NoSuchPerson, Warning, "people", "an id that looks like one of Kratos and is nobody's",
		"It gives nobody anything: probably the identity was deleted, and its access was left behind.",
		"Remove the tuple."},
}
