/** A family with most of its fields, as a municipality would send it. */
export const TYPICAL_FAMILY = {
  alias: 'Familien ved åen',
  kind: 'almen',
  careForms: ['doegn', 'stoetteophold'],
  fosteringSince: '2019-08-01',
  residence: '0766',
  capacity: 2,
  skills: ['teenagers', 'attachment', 'siblings'],
  pressure: 'normal',
  socialtilsyn: 'midt',
  approval: {
    authority: 'Socialtilsyn Midt',
    from: '2019-08-01',
    places: 2,
    ageMin: 0,
    ageMax: 17,
    careForms: ['doegn', 'stoetteophold'],
  },
  outsideWork: 'The mother works part time as a nurse.',
  adults: [
    { name: 'Anne Andersen', phone: '+45 20 12 34 56', email: 'anne@example.dk' },
    { name: 'Bo Andersen', phone: '+45 20 12 34 57' },
  ],
  caseRefs: [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }],
};
