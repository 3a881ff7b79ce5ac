import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.management.ObjectName;
import sun.misc.Signal;

/**
 * A web service with the classic leak: sessions that are remembered and never forgotten.
 *
 * <pre>
 * javac -d DIRECTORY Sessions.java && java -Xmx400m -cp DIRECTORY Sessions --leak 10
 *
 * SIGCONT  writes a class histogram into --histogram-dir, as histogram-&lt;pid&gt;-&lt;number&gt;.txt. The signal is harmless to a
 *          JVM without a handler; SIGUSR1 would kill it and SIGUSR2 abort it.
 * SIGTERM  answers what is in flight and exits with 143, as every JVM does.
 * </pre>
 *
 * A session is an array of bytes, or of small objects with {@code --in attributes}: then a histogram names them.
 *
 * It leaks --leak MB/s ("full": as fast as it can) from --threads threads, --leak-after seconds from its start, and not
 * before the file --leak-when is there.
 *
 * What is asked from outside needs no handler: a JVM answers its own user and root by itself, even without a JDK in the
 * image. {@code jcmd} is a JVM of its own, though, and takes a second that a fast leak does not leave.
 */
public final class Sessions {
    private final Map<Integer, Session> kept = new ConcurrentHashMap<>();
    private final AtomicInteger lastId = new AtomicInteger();
    private final int sessionSize;
    private final boolean inAttributes;

    /** What is kept of a visitor. The histogram counts these. */
    private record Session(long id, long created, long lastSeen, Object profile) {}

    /** One thing known of a visitor: 64 bytes with its header. */
    private record Attribute(long name, long value, long since, long until, long source, long weight) {}

    private Sessions(int sessionSize, boolean inAttributes) {
        this.sessionSize = sessionSize;
        this.inAttributes = inAttributes;
    }

    public static void main(String[] arguments) throws Exception {
        Options options = new Options(List.of(arguments));
        Sessions sessions = new Sessions(
                Integer.parseInt(options.get("session-kib", "64")) * 1024,
                options.get("in", "bytes").equals("attributes"));
        double rate = Double.parseDouble(options.get("leak", "0").replace("full", "Infinity")) * 1e6;
        int threads = Integer.parseInt(options.get("threads", "1"));
        String when = options.get("leak-when", "");
        long pause = (long) (Double.parseDouble(options.get("leak-after", "0")) * 1e9);

        writeHistogramsOn("CONT", Path.of(options.get("histogram-dir", "/var/tmp")));
        HttpServer server = sessions.serve(Integer.parseInt(options.get("port", "0")));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stopGracefully(server)));
        for (int number = 0; rate > 0 && number < threads; number++) {
            startDaemon("load-" + number, () -> {
                while (!when.isEmpty() && !Files.exists(Path.of(when))) sleepUntil(System.nanoTime() + 50_000_000);
                sessions.logInForEver(rate / threads, System.nanoTime() + pause);
            });
        }
    }

    /** The leak: there is no method that forgets. */
    private int rememberForever() {
        int id = lastId.incrementAndGet();
        long now = System.nanoTime();
        kept.put(id, new Session(id, now, now, inAttributes ? attributes(now) : new byte[sessionSize]));
        return id;
    }

    private Attribute[] attributes(long now) {
        Attribute[] attributes = new Attribute[sessionSize / 64];
        for (int number = 0; number < attributes.length; number++) {
            attributes[number] = new Attribute(number, number, now, now, now, now);
        }
        return attributes;
    }

    private HttpServer serve(int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/healthz", exchange -> answer(exchange, "ok"));
        server.createContext("/count", exchange -> answer(exchange, kept.size() + " sessions"));
        server.createContext("/login", exchange -> answer(exchange, "session " + rememberForever()));
        server.start();
        say("listening on 127.0.0.1:" + server.getAddress().getPort());
        return server;
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    /** Opens sessions at a rate; what was missed while the JVM stood still is not made up for. */
    private void logInForEver(double bytesPerSecond, long start) {
        long interval = (long) (sessionSize / bytesPerSecond * 1e9);
        long due = start;
        sleepUntil(due);
        while (true) {
            rememberForever();
            due = Math.max(due, System.nanoTime() - 1_000_000) + interval;
            sleepUntil(due);
        }
    }

    private static void sleepUntil(long due) {
        try {
            Thread.sleep(Math.max(0, (due - System.nanoTime()) / 1_000_000));
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private static void writeHistogramsOn(String signal, Path directory) throws Exception {
        AtomicInteger number = new AtomicInteger();
        // Once for nothing, so that no class is loaded when memory is short.
        histogram();
        Signal.handle(new Signal(signal), caught -> {
            String name = "histogram-" + ProcessHandle.current().pid() + "-" + number.incrementAndGet() + ".txt";
            try {
                writeForOwner(directory.resolve(name), histogram());
            } catch (Exception error) {
                say("histogram: " + error);
            }
        });
    }

    /** Asks the JVM itself: no second JVM, no attach. It counts what is unreachable too, and so needs no collection first. */
    private static String histogram() throws Exception {
        return (String) ManagementFactory.getPlatformMBeanServer().invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"),
                "gcClassHistogram",
                new Object[] {new String[] {"-all"}},
                new String[] {String[].class.getName()});
    }

    private static void writeForOwner(Path path, String text) throws IOException {
        Files.createFile(path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(path, text);
        say("histogram: " + path);
    }

    private static void stopGracefully(HttpServer server) {
        say("stopping");
        server.stop(1);
        say("stopped gracefully");
    }

    private static void startDaemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private static void say(String text) {
        System.err.println("java-sessions: " + text);
    }

    /** Pairs of {@code --name value}. */
    private record Options(List<String> arguments) {
        String get(String name, String otherwise) {
            int at = arguments.indexOf("--" + name);
            return at >= 0 && at + 1 < arguments.size() ? arguments.get(at + 1) : otherwise;
        }
    }
}
