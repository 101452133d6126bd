// Shows who is signed in, and signs them out. Needs a JDK and nothing else.
import com.sun.net.httpserver.*;
import java.io.IOException;
import java.net.*;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;

public class Main {
    static final String BASE = System.getenv().getOrDefault("ORY_SDK_URL", "http://127.0.0.1:4433");
    static final int PORT = Integer.parseInt(System.getenv().getOrDefault("PORT", "3000"));
    static final String SELF = "http://127.0.0.1:" + PORT + "/";
    static final String RETURN = "?return_to=" + URLEncoder.encode(SELF, StandardCharsets.UTF_8);
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] args) throws IOException {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", PORT), 0);
        server.createContext("/", Main::page);
        server.createContext("/logout", Main::logout);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        System.out.println("listening on " + SELF);
    }

    static void page(HttpExchange x) throws IOException {
        var whoami = ask(x, "/sessions/whoami");
        switch (whoami.statusCode()) {
            case 200 -> show(x, 200, "<!doctype html><title>Java</title><p>Signed in as "
                + field("email", whoami.body()).replace("&", "&amp;").replace("<", "&lt;") + "</p><p><a href=\"/logout\">Sign out</a></p>");
            case 401 -> redirect(x, BASE + "/self-service/login/browser" + RETURN);
            default -> show(x, 502, "The session server answered " + whoami.statusCode());
        }
    }

    // The server sends the browser back to the page. Whoever is signed out already goes there at once.
    static void logout(HttpExchange x) throws IOException {
        var out = ask(x, "/self-service/logout/browser" + RETURN);
        switch (out.statusCode()) {
            case 200 -> redirect(x, field("logout_url", out.body()));
            case 401 -> redirect(x, SELF);
            default -> show(x, 502, "The session server answered " + out.statusCode());
        }
    }

    // Passes the browser's cookies on, and asks for JSON.
    static HttpResponse<String> ask(HttpExchange x, String path) throws IOException {
        var cookies = String.join("; ", x.getRequestHeaders().getOrDefault("Cookie", List.of()));
        var request = HttpRequest.newBuilder(URI.create(BASE + path)).header("Accept", "application/json").header("Cookie", cookies);
        try {
            return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    // One text of a JSON document. A real program has a JSON library.
    static String field(String name, String json) {
        var found = Pattern.compile("\"" + name + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return found.find() ? found.group(1).replace("\\u0026", "&") : "";
    }

    static void redirect(HttpExchange x, String to) throws IOException {
        x.getResponseHeaders().set("Location", to);
        show(x, 303, "See other");
    }

    static void show(HttpExchange x, int status, String html) throws IOException {
        var body = html.getBytes(StandardCharsets.UTF_8);
        x.getResponseHeaders().set("Cache-Control", "no-store");
        x.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
        x.sendResponseHeaders(status, body.length);
        x.getResponseBody().write(body);
        x.close();
    }
}
