// What a user can mend: the message says what is wrong, what was expected and what to do.

export class Refused extends Error {}
