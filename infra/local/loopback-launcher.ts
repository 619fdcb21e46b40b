/**
 * Starts DynamoDB Local so that only this machine can reach it and so that it ends with its parent.
 *
 * The emulator itself listens on every network interface and has no option for fewer, so this is a small main class
 * around its own, equal to what Java's compiler makes of:
 *
 *     public static void main(String[] args) throws Exception {
 *       DynamoDBProxyServer proxy = ServerRunner.createServerFromCommandLineArgs(args);
 *       Field field = DynamoDBProxyServer.class.getDeclaredField("server");
 *       field.setAccessible(true);
 *       ServerConnector connector = (ServerConnector) ((Server) field.get(proxy)).getConnectors()[0];
 *       connector.setHost("127.0.0.1");
 *       connector.setPort(0);                                  // any free one
 *       proxy.start();
 *       System.out.println(connector.getLocalPort());
 *       System.in.transferTo(OutputStream.nullOutputStream()); // until the parent's end of the pipe closes
 *       Runtime.getRuntime().halt(0);
 *     }
 *
 * It is put together here because a Java runtime has no compiler, and where there is one, starting from source would
 * take a second longer each time. The method has no branch, which is what keeps its class file this simple.
 */
export const LAUNCHER = 'LoopbackLauncher';

const RUNNER = 'software/amazon/dynamodb/services/local/main/ServerRunner';
const PROXY = 'software/amazon/dynamodb/services/local/server/DynamoDBProxyServer';
const SERVER = 'org/eclipse/jetty/server/Server';
const CONNECTOR = 'org/eclipse/jetty/server/ServerConnector';
const FIELD = 'java/lang/reflect/Field';

/** The launcher as a Java class file (JVM specification, chapter 4), to be written as `LoopbackLauncher.class`. */
export function launcherClass(): Buffer {
  const pool = constantPool();
  const self = pool.class(LAUNCHER);
  const parent = pool.class('java/lang/Object');
  const main = [pool.utf8('main'), pool.utf8('([Ljava/lang/String;)V'), pool.utf8('Code')].flatMap(u2);

  const invokeStatic = (owner: string, name: string, type: string) => [0xb8, ...u2(pool.method(owner, name, type))];
  const invoke = (owner: string, name: string, type: string) => [0xb6, ...u2(pool.method(owner, name, type))];
  const systemField = (name: string, type: string) => [0xb2, ...u2(pool.field('java/lang/System', name, type))];
  const cast = (type: string) => [0xc0, ...u2(pool.class(type))];
  const constant = (index: number) => [0x13, ...u2(index)];
  const [args, proxy, field, connector] = [0, 1, 2, 3];
  const load = (local: number) => [0x19, local];
  const store = (local: number) => [0x3a, local];

  const code = [
    load(args),
    invokeStatic(RUNNER, 'createServerFromCommandLineArgs', `([Ljava/lang/String;)L${PROXY};`),
    store(proxy),
    constant(pool.class(PROXY)),
    constant(pool.string('server')),
    invoke('java/lang/Class', 'getDeclaredField', `(Ljava/lang/String;)L${FIELD};`),
    store(field),
    load(field),
    ICONST_1,
    invoke(FIELD, 'setAccessible', '(Z)V'),
    load(field),
    load(proxy),
    invoke(FIELD, 'get', '(Ljava/lang/Object;)Ljava/lang/Object;'),
    cast(SERVER),
    invoke(SERVER, 'getConnectors', '()[Lorg/eclipse/jetty/server/Connector;'),
    ICONST_0,
    AALOAD,
    cast(CONNECTOR),
    store(connector),
    load(connector),
    constant(pool.string('127.0.0.1')),
    invoke(CONNECTOR, 'setHost', '(Ljava/lang/String;)V'),
    load(connector),
    ICONST_0,
    invoke(CONNECTOR, 'setPort', '(I)V'),
    load(proxy),
    invoke(PROXY, 'start', '()V'),
    systemField('out', 'Ljava/io/PrintStream;'),
    load(connector),
    invoke(CONNECTOR, 'getLocalPort', '()I'),
    invoke('java/io/PrintStream', 'println', '(I)V'),
    systemField('in', 'Ljava/io/InputStream;'),
    invokeStatic('java/io/OutputStream', 'nullOutputStream', '()Ljava/io/OutputStream;'),
    invoke('java/io/InputStream', 'transferTo', '(Ljava/io/OutputStream;)J'),
    POP2,
    invokeStatic('java/lang/Runtime', 'getRuntime', '()Ljava/lang/Runtime;'),
    ICONST_0,
    invoke('java/lang/Runtime', 'halt', '(I)V'),
    RETURN,
  ].flat();
  const body = [...u2(MAX_STACK), ...u2(MAX_LOCALS), ...u4(code.length), ...code, ...u2(0), ...u2(0)];

  return Buffer.from([
    ...u4(0xcafebabe),
    ...u2(0),
    ...u2(JAVA_8),
    ...pool.bytes(),
    ...u2(PUBLIC | SUPER),
    ...u2(self),
    ...u2(parent),
    ...u2(0), // interfaces
    ...u2(0), // fields
    ...u2(1), // methods: flags, name, type, one attribute, which is its code
    ...u2(PUBLIC | STATIC),
    ...main.slice(0, 4),
    ...u2(1),
    ...main.slice(4),
    ...u4(body.length),
    ...body,
    ...u2(0), // attributes of the class
  ]);
}

const JAVA_8 = 52;
const PUBLIC = 0x0001;
const STATIC = 0x0008;
const SUPER = 0x0020;
const ICONST_0 = [0x03];
const ICONST_1 = [0x04];
const AALOAD = [0x32];
const POP2 = [0x58];
const RETURN = [0xb1];
const MAX_STACK = 3;
const MAX_LOCALS = 4;

const u2 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const u4 = (value: number): number[] => [...u2(value >>> 16), ...u2(value & 0xffff)];

/** The constants a class refers to by number; each is written once. */
function constantPool() {
  const entries: number[][] = [];
  const known = new Map<string, number>();
  const add = (entry: number[]): number => {
    const key = entry.join();
    const index = known.get(key) ?? entries.push(entry);
    known.set(key, index);
    return index;
  };
  const utf8 = (text: string) => add([1, ...u2(Buffer.byteLength(text)), ...Buffer.from(text)]);
  const named = (tag: number, name: string) => add([tag, ...u2(utf8(name))]);
  const member = (tag: number, owner: string, name: string, type: string) => {
    const nameAndType = add([12, ...u2(utf8(name)), ...u2(utf8(type))]);
    return add([tag, ...u2(named(7, owner)), ...u2(nameAndType)]);
  };
  return {
    utf8,
    class: (name: string) => named(7, name),
    string: (text: string) => named(8, text),
    field: (owner: string, name: string, type: string) => member(9, owner, name, type),
    method: (owner: string, name: string, type: string) => member(10, owner, name, type),
    /** Its numbers start at 1, so its length is written as one more. */
    bytes: () => [...u2(entries.length + 1), ...entries.flat()],
  };
}
