// A client made of Jetty's WebSocket client. The line protocol is that of doc.go in the folder above.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.util.ajax.JSON;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.ExtensionConfig;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.client.ClientUpgradeRequest;
import org.eclipse.jetty.websocket.client.WebSocketClient;

public class Client {
  static final JSON json = new JSON();
  static WebSocketClient client;
  static Session session;

  static synchronized void emit(String event, Map<String, Object> fields) {
    fields.put("event", event);
    System.out.println(json.toJSON(fields));
  }

  static Map<String, Object> fields(Object... pairs) {
    Map<String, Object> m = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) m.put((String) pairs[i], pairs[i + 1]);
    return m;
  }

  static byte[] decode(Object text) {
    return Base64.getDecoder().decode(text == null ? "" : (String) text);
  }

  static String encode(ByteBuffer data) {
    byte[] b = new byte[data.remaining()];
    data.get(b);
    return Base64.getEncoder().encodeToString(b);
  }

  // Only these methods are called by Jetty, in the order of the frames.
  public static class Endpoint extends Session.Listener.AbstractAutoDemanding {
    final boolean echo;

    Endpoint(boolean echo) {
      this.echo = echo;
    }

    @Override
    public void onWebSocketText(String text) {
      if (echo) getSession().sendText(text, Callback.NOOP);
      else emit("message", fields("type", "text", "data", encode(StandardCharsets.UTF_8.encode(text))));
    }

    @Override
    public void onWebSocketBinary(ByteBuffer data, Callback done) {
      if (echo) {
        ByteBuffer copy = ByteBuffer.allocate(data.remaining()).put(data).flip();
        getSession().sendBinary(copy, Callback.NOOP);
      } else emit("message", fields("type", "binary", "data", encode(data)));
      done.succeed();
    }

    @Override
    public void onWebSocketPong(ByteBuffer data) {
      emit("pong", fields("data", encode(data)));
    }

    @Override
    public void onWebSocketClose(int code, String reason) {
      super.onWebSocketClose(code, reason);
      emit("close", fields("code", code, "reason", reason == null ? "" : reason));
    }
  }

  static String offer(Map<?, ?> d) {
    StringBuilder s = new StringBuilder("permessage-deflate");
    if (d.get("serverNoContext") == Boolean.TRUE) s.append("; server_no_context_takeover");
    if (d.get("clientNoContext") == Boolean.TRUE) s.append("; client_no_context_takeover");
    if (d.get("serverBits") != null) s.append("; server_max_window_bits=").append(d.get("serverBits"));
    return s.toString();
  }

  // What the server has answered, null without compression.
  static Map<String, Object> deflated() {
    for (ExtensionConfig e : session.getUpgradeResponse().getExtensions()) {
      return fields(
          "serverNoContext", e.getParameterKeys().contains("server_no_context_takeover"),
          "clientNoContext", e.getParameterKeys().contains("client_no_context_takeover"),
          "serverBits", e.getParameter("server_max_window_bits", 15),
          "clientBits", e.getParameter("client_max_window_bits", 15));
    }
    return null;
  }

  static WebSocketClient start(Object ca, int max) throws Exception {
    SslContextFactory.Client tls = new SslContextFactory.Client();
    if (ca != null) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      try (var in = Files.newInputStream(Path.of((String) ca))) {
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
      }
      tls.setTrustStore(store);
    }
    HttpClient http = new HttpClient();
    http.setSslContextFactory(tls);
    WebSocketClient c = new WebSocketClient(http);
    c.setMaxTextMessageSize(max);
    c.setMaxBinaryMessageSize(max);
    c.start();
    return c;
  }

  static void connect(Map<?, ?> command) throws Exception {
    if (client != null) client.stop();
    client = start(command.get("ca"), ((Long) command.get("max")).intValue());
    ClientUpgradeRequest request = new ClientUpgradeRequest();
    if (command.get("deflate") instanceof Map<?, ?> d) request.addExtensions(offer(d));
    try {
      Endpoint endpoint = new Endpoint(command.get("echo") == Boolean.TRUE);
      session = client.connect(endpoint, URI.create((String) command.get("url")), request).get();
    } catch (ExecutionException e) {
      emit("refused", fields("message", String.valueOf(e.getCause())));
      return;
    }
    emit("open", fields("protocol", "", "deflate", deflated()));
  }

  static void send(Map<?, ?> command) {
    Object[] parts = (Object[]) command.get("parts");
    Object[] pings = (Object[]) command.get("pings");
    for (int i = 0; i < parts.length; i++) {
      boolean last = i == parts.length - 1;
      byte[] part = decode(parts[i]);
      if (command.get("type").equals("binary")) {
        Callback.Completable.with(done -> session.sendPartialBinary(ByteBuffer.wrap(part), last, done)).join();
      } else {
        String text = new String(part, StandardCharsets.UTF_8);
        Callback.Completable.with(done -> session.sendPartialText(text, last, done)).join();
      }
      if (i < pings.length) ping(decode(pings[i]));
    }
  }

  static void ping(byte[] data) {
    Callback.Completable.with(done -> session.sendPing(ByteBuffer.wrap(data), done)).join();
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      Map<?, ?> command = (Map<?, ?>) json.fromJSON(line);
      try {
        switch ((String) command.get("cmd")) {
          case "connect" -> connect(command);
          case "send" -> send(command);
          case "ping" -> ping(decode(command.get("data")));
          case "close" -> session.close(((Long) command.get("code")).intValue(), (String) command.get("reason"), Callback.NOOP);
          default -> throw new IllegalArgumentException("no such command");
        }
      } catch (Exception e) {
        emit("failed", fields("message", command.get("cmd") + ": " + e));
      }
    }
    System.exit(0);
  }
}
