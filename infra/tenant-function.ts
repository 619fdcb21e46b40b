import { Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { grantUnwrapping, UNWRAPPED } from './key-access.ts';
import {
  type FunctionEnvironments,
  functionRole,
  type ServiceFunctionProps,
  serviceFunction,
  type TenantEnvironment,
} from './service-function.ts';
import type { Data } from './stacks/data.ts';
import { grantTableAccess, type TenantFunction, tenantRole } from './table-access.ts';

/**
 * A function that works inside municipalities: one role of its own, which reaches none of them, and the role that it
 * takes in a session for one of them.
 */
export function tenantFunction<Name extends TenantFunction>(
  scope: Construct,
  { table, keys }: Pick<Data, 'table' | 'keys'>,
  name: Name,
  props: Omit<ServiceFunctionProps<Name>, 'role' | 'environment'> & {
    readonly environment: (tenant: TenantEnvironment) => FunctionEnvironments[Name];
    /** What else its tenant role and its own may do. */
    readonly grant?: (inside: Role, own: Role) => void;
  },
): LambdaFunction {
  const role = functionRole(scope, name);
  grantTableAccess(role, table, name);
  const inside = tenantRole(scope, { table, keys }, name, role);
  const purposes = UNWRAPPED[name];
  if (purposes.length > 0) grantUnwrapping(inside, Stack.of(scope), props.stage.name, purposes);
  props.grant?.(inside, role);
  const environment = props.environment({
    TABLE_NAME: table.tableName,
    KEYS_TABLE_NAME: keys.tableName,
    TENANT_ROLE_ARN: inside.roleArn,
  });
  return serviceFunction(scope, name, { ...props, role, environment });
}
