import type * as z from 'zod';
import { nearestOf } from '../nearest.ts';

/**
 * Sentences for what a schema finds wrong, in the two languages of the API. A caller reads these instead of zod's own words,
 * which name our types ("expected number, received NaN"). None of them repeats a value that was sent.
 */
export interface Sentence {
  readonly en: string;
  readonly da: string;
}

type Issue = z.core.$ZodIssue;

/** The Danish of each sentence that a schema gives with its own rule. A test finds a rule whose sentence is missing here. */
const RULES: Readonly<Record<string, string>> = {
  'Control characters are not allowed.': 'Styretegn er ikke tilladt.',
  'This must be lower-case letters, digits and underscores, and start with a letter.':
    'Må kun bestå af små bogstaver, cifre og understreger og skal begynde med et bogstav.',
  'The year must be between 1900 and 2199.': 'Årstallet skal ligge mellem 1900 og 2199.',
  'This must be the id of a record (a UUID).': 'Skal være id på en post (en UUID).',
  'The same entry stands here twice.': 'Den samme værdi står her to gange.',
  'This must be a municipality code of four digits, such as 0630.':
    'Skal være en kommunekode på fire cifre, for eksempel 0630.',
  'This must be eight digits.': 'Skal være otte cifre.',
  'This is not a valid CVR number: its check digit is wrong (modulus 11).':
    'Er ikke et gyldigt CVR-nummer: kontrolcifferet passer ikke (modulus 11).',
  'This must be ten digits.': 'Skal være ti cifre.',
  'This must be ten digits, with or without a hyphen after the sixth.':
    'Skal være ti cifre, med eller uden bindestreg efter det sjette.',
  'The first six digits must be a date.': 'De første seks cifre skal være en dato.',
  'This must be digits and spaces, optionally after a plus sign.':
    'Skal være cifre og mellemrum, eventuelt efter et plus.',
  'This must be digits, spaces and hyphens, optionally after a plus sign.':
    'Skal være cifre, mellemrum og bindestreger, eventuelt efter et plus.',
  'Send exactly one value to look for.': 'Send netop én værdi at søge efter.',
  'This must be 1 to 200 characters without #, / and control characters.':
    'Skal være 1 til 200 tegn uden #, / og styretegn.',
  'This must be a KLE number such as 27.03.00.': 'Skal være et KLE-nummer, for eksempel 27.03.00.',
  'This must be 2 to 40 lower-case letters, digits and hyphens, and start with a letter.':
    'Skal være 2 til 40 små bogstaver, cifre og bindestreger og begynde med et bogstav.',
  'This id is reserved.': 'Dette id er reserveret.',
  'Send either scopes or a preset.': 'Send enten scopes eller preset.',
  'This must be a time of day such as 08:30.': 'Skal være et klokkeslæt, for eksempel 08:30.',
  'This must be a multiple of a quarter of an hour.': 'Skal være et helt antal kvarterer.',
  'At most 20 headers are allowed.': 'Højst 20 headere er tilladt.',
  'Livline sets this header itself.': 'Livline sætter selv denne header.',
  'The same header stands here twice.': 'Den samme header står her to gange.',
  'A header value must be printable ASCII on one line.': 'En headers værdi skal være synlige ASCII-tegn på én linje.',
  'This is not the name of a header.': 'Er ikke navnet på en header.',
  'This must be visible ASCII characters.': 'Skal være synlige ASCII-tegn.',
  'This must be PEM without a passphrase.': 'Skal være PEM uden adgangskode.',
  'This must be base64url without padding.': 'Skal være base64url uden udfyldning.',
  'This key is too short.': 'Nøglen er for kort.',
  'This must be a URL such as https://example.dk/webhooks.':
    'Skal være en URL, for eksempel https://example.dk/webhooks.',
  'The URL must have no user name or password.': 'URL’en må ikke indeholde brugernavn eller adgangskode.',
  'The URL must have no fragment.': 'URL’en må ikke indeholde et fragment.',
  'The URL must begin with https.': 'URL’en skal begynde med https.',
  'The URL must use port 443.': 'URL’en skal bruge port 443.',
  'The URL must have a host name, not an address.': 'URL’en skal have et værtsnavn og ikke en adresse.',
  'The URL must have a public host name.': 'URL’en skal have et offentligt værtsnavn.',
};

const REQUIRED: Sentence = { en: 'This field is required.', da: 'Feltet er påkrævet.' };
export const UNKNOWN_FIELD: Sentence = { en: 'This field does not exist here.', da: 'Feltet findes ikke her.' };
/** Returns the sentence for a query parameter that an operation does not know, with the one that is written most like it. */
export function unknownParameter(name: string, known: readonly string[]): Sentence {
  const meant = nearestOf(name, known);
  if (meant === undefined) return { en: 'There are no query parameters here.', da: 'Her er ingen parametre.' };
  return {
    en: `There is no such query parameter here. The nearest is ${meant}.`,
    da: `Parameteren findes ikke her. Den nærmeste er ${meant}.`,
  };
}
/** For a field that is shown and cannot be sent. */
export const READ_ONLY: Sentence = {
  en: 'This field cannot be sent here. Leave it out.',
  da: 'Feltet kan ikke sendes her. Udelad det.',
};
const OTHER: Sentence = { en: 'This value is not allowed here.', da: 'Værdien er ikke tilladt her.' };

const TYPES: Readonly<Record<string, Sentence>> = {
  string: { en: 'This must be text.', da: 'Skal være tekst.' },
  number: { en: 'This must be a number.', da: 'Skal være et tal.' },
  int: { en: 'This must be a whole number.', da: 'Skal være et helt tal.' },
  boolean: { en: 'This must be true or false.', da: 'Skal være true eller false.' },
  array: { en: 'This must be a list.', da: 'Skal være en liste.' },
  object: { en: 'This must be an object.', da: 'Skal være et objekt.' },
  record: { en: 'This must be an object.', da: 'Skal være et objekt.' },
};

const FORMATS: Readonly<Record<string, Sentence>> = {
  email: { en: 'This must be an e-mail address.', da: 'Skal være en e-mailadresse.' },
  url: {
    en: 'This must be a URL such as https://example.dk.',
    da: 'Skal være en URL, for eksempel https://example.dk.',
  },
  uuid: { en: 'This must be the id of a record (a UUID).', da: 'Skal være id på en post (en UUID).' },
  date: { en: 'This must be a date such as 2026-11-12.', da: 'Skal være en dato, for eksempel 2026-11-12.' },
  datetime: {
    en: 'This must be a time with its offset, such as 2026-11-12T14:30:00Z.',
    da: 'Skal være et tidspunkt med tidszone, for eksempel 2026-11-12T14:30:00Z.',
  },
};
const FORM: Sentence = { en: 'This does not have the form that is asked for.', da: 'Har ikke den rette form.' };

/** A length or amount beyond its bound. `inclusive` is false where the bound itself is not allowed either. */
function sizeSentence(issue: Issue & { code: 'too_big' | 'too_small' }): Sentence {
  const isMost = issue.code === 'too_big';
  const bound = String(isMost ? issue.maximum : issue.minimum);
  const en = isMost ? 'at most' : 'at least';
  const da = isMost ? 'højst' : 'mindst';
  if (issue.origin === 'string') {
    if (!isMost && bound === '1') return { en: 'This must not be empty.', da: 'Må ikke være tomt.' };
    const one = bound === '1' ? '' : 's';
    return { en: `This must have ${en} ${bound} character${one}.`, da: `Skal have ${da} ${bound} tegn.` };
  }
  if (issue.origin === 'array' || issue.origin === 'set' || issue.origin === 'map') {
    const [entry, post] = bound === '1' ? ['entry', 'element'] : ['entries', 'elementer'];
    return { en: `This must have ${en} ${bound} ${entry}.`, da: `Skal have ${da} ${bound} ${post}.` };
  }
  if (issue.inclusive === false) {
    const [than, end] = isMost ? ['less than', 'mindre end'] : ['more than', 'større end'];
    return { en: `This must be ${than} ${bound}.`, da: `Skal være ${end} ${bound}.` };
  }
  return { en: `This must be ${en} ${bound}.`, da: `Skal være ${da} ${bound}.` };
}

/** Texts of zod itself. A schema that gives its own sentence ends it with a full stop, and zod's texts never do. */
function ownSentence(issue: Issue): Sentence | undefined {
  const { message } = issue;
  // A sentence that depends on the value brings its Danish with it.
  if (issue.code === 'custom' && issue.params?.['danish']) return { en: message, da: String(issue.params['danish']) };
  return message.endsWith('.') ? { en: message, da: RULES[message] ?? message } : undefined;
}

/** Returns the sentence for an issue that a schema reports, in both languages. */
export function sentenceOf(issue: Issue): Sentence {
  const own = ownSentence(issue);
  if (own) return own;
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? REQUIRED : (TYPES[issue.expected] ?? OTHER);
    case 'too_big':
    case 'too_small':
      return sizeSentence(issue);
    case 'invalid_format':
      return FORMATS[issue.format] ?? FORM;
    case 'invalid_value': {
      const values = issue.values.map(String);
      if (values.length > 1)
        return { en: `This must be one of ${values.join(', ')}.`, da: `Skal være en af ${values.join(', ')}.` };
      return { en: `This must be ${values[0]}.`, da: `Skal være ${values[0]}.` };
    }
    case 'not_multiple_of':
      return { en: `This must be a multiple of ${issue.divisor}.`, da: `Skal være et multiplum af ${issue.divisor}.` };
    default:
      return OTHER;
  }
}
