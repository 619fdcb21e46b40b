import { type Operation, param } from '../operation.ts';
import { preconditionsOf } from '../preconditions.ts';
import { pageParameters, pageSchema } from '../record/lists.ts';
import { listControl, type OperatorContext } from './control.ts';
import {
  createProgramme,
  getProgramme,
  PROGRAMME_EXAMPLE,
  ProgrammeInput,
  ProgrammeView,
  updateProgramme,
} from './programmes.ts';

const programmes = '/v1/admin/programmes';

/** The operations on programmes, for the operators. */
export const programmeOperations = (): Operation<OperatorContext>[] => [
  {
    id: 'create-programme',
    method: 'POST',
    path: programmes,
    scope: 'admin:write',
    tag: 'programmes',
    summary: 'Set up a programme',
    description: 'Each municipality that takes part sees it at once, with its own allocation and no other.',
    manner: 'act',
    body: ProgrammeInput,
    success: { status: 201, description: 'The programme.', body: ProgrammeView },
    problems: ['validation_failed', 'unknown_reference'],
    example: PROGRAMME_EXAMPLE,
    run: (ctx, request) => createProgramme(ctx, request.body),
  },
  {
    id: 'list-programmes',
    method: 'GET',
    path: programmes,
    scope: 'admin:read',
    tag: 'programmes',
    summary: 'List programmes',
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'The programmes in the order in which they were set up.',
      body: () => pageSchema(ProgrammeView(), 'The programmes of this page (indsatser).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: (ctx, request) => listControl(ctx, request, ['PROGRAMMES']),
  },
  {
    id: 'get-programme',
    method: 'GET',
    path: `${programmes}/{id}`,
    scope: 'admin:read',
    tag: 'programmes',
    summary: 'Get a programme',
    manner: 'read',
    success: { status: 200, description: 'The programme.', body: ProgrammeView },
    problems: [],
    run: (ctx, request) => getProgramme(ctx, param(request, 'id')),
  },
  {
    id: 'update-programme',
    method: 'PATCH',
    path: `${programmes}/{id}`,
    scope: 'admin:write',
    tag: 'programmes',
    summary: 'Change some fields of a programme',
    description:
      'A JSON merge patch (RFC 7396): a field left out stays, a list is replaced. A municipality that is left out of the list sees the programme no more; what it recorded about it stays.',
    manner: 'change',
    body: () => ProgrammeInput().partial(),
    success: { status: 200, description: 'The programme as it stands now.', body: ProgrammeView },
    problems: ['precondition_required', 'precondition_failed', 'validation_failed', 'unknown_reference', 'in_flight'],
    example: { to: '2029-06-30' },
    run: (ctx, request) => updateProgramme(ctx, param(request, 'id'), request.body, preconditionsOf(request)),
  },
];
