using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Listening;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>A domain's socket that keeps a cursor and believes everything; a test may have it answer otherwise.</summary>
internal sealed class ScriptedDomain : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<Socket> _connections = [];
    private readonly Lock _turn = new();
    private readonly string _name;
    private readonly string _class;
    private readonly List<JsonObject> _taken = [];

    public ScriptedDomain(string path, string name, string @class = "gateway")
    {
        (_name, _class) = (name, @class);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    /// <summary>What it answers to a request instead of what is honest; null for that.</summary>
    public Func<JsonObject, string?> Instead { get; set; } = _ => null;

    public long Sequence { get; set; }

    public long Index { get; set; } = -1;

    /// <summary>Of what was delivered last, hexadecimal.</summary>
    public string LeafHash { get; private set; } = "";

    public long Size { get; set; }

    public long TrustVersion { get; set; }

    /// <summary>The <c>args</c> of the deliveries that it took, in order.</summary>
    public IReadOnlyList<JsonObject> Taken
    {
        get
        {
            lock (_turn)
                return [.. _taken];
        }
    }

    public IEnumerable<long> TakenIndexes => Taken.Select(args => (long)args["index"]!);

    /// <summary>Ends every connection, as a domain's restart does.</summary>
    public void Restart()
    {
        lock (_turn)
        {
            foreach (Socket connection in _connections)
                connection.Dispose();
            _connections.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        Restart();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket connection = await _listener.AcceptAsync();
                lock (_turn)
                    _connections.Add(connection);
                _ = Task.Run(() => Serve(connection));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void Serve(Socket connection)
    {
        try
        {
            using var stream = new NetworkStream(connection);
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                JsonObject message = JsonNode.Parse(line)!["msg"]!.AsObject();
                string answer;
                lock (_turn)
                    answer = Instead(message) ?? Honest(message);
                connection.SendAll(Encoding.UTF8.GetBytes(answer + "\n"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // The courier has had enough, or the test is over.
        }
    }

    private static long? RootVersion(JsonObject args) =>
        JsonNode.Parse(Convert.FromBase64String((string)args["leaf"]!))!["trust_root"] is JsonObject root ? (long)root["root"]!["version"]! : null;

    private string Honest(JsonObject message)
    {
        var args = message["args"] as JsonObject;
        switch ((string)message["command"]!)
        {
            case "get_cursor":
                return $$"""{"status":"ok","name":"{{_name}}","class":"{{_class}}","seq":{{Sequence}},"index":{{Index}},"size":{{Size}},"trust_version":{{TrustVersion}}}""";
            case "checkpoint" when (long)args!["old"]! != Size:
                return $$"""{"status":"error","code":"base_mismatch","reason":"another","size":{{Size}}}""";
            case "checkpoint":
                Size = long.Parse(((string)args!["checkpoint"]!).Split('\n')[1], System.Globalization.CultureInfo.InvariantCulture);
                return $$"""{"status":"ok","size":{{Size}},"cosignature":null,"witness":"none","trust":"pinned, not signed"}""";
            case "deliver" when (long)args!["size"]! != Size:
                return $$"""{"status":"error","code":"base_mismatch","reason":"another tree","size":{{Size}}}""";
            case "deliver" when (long)args!["seq"]! == 0 && RootVersion(args) is { } version:
                if (version != TrustVersion + 1)
                    return $$"""{"status":"error","code":"base_mismatch","reason":"not next","seq":{{Sequence}},"index":{{Index}}}""";
                TrustVersion = version;
                _taken.Add(args);
                return """{"status":"ok","outcome":"accepted"}""";
            case "deliver" when (long)args!["seq"]! != Sequence + 1:
                return $$"""{"status":"error","code":"base_mismatch","reason":"not next","seq":{{Sequence}},"index":{{Index}}}""";
            case "deliver":
                TrustVersion = RootVersion(args!) ?? TrustVersion;
                (Sequence, Index, LeafHash) = (Sequence + 1, (long)args!["index"]!, Convert.ToHexStringLower(MerkleTree.LeafHash(Convert.FromBase64String((string)args["leaf"]!))));
                _taken.Add(args);
                return """{"status":"ok","outcome":"accepted"}""";
            case "get_report":
                return """{"status":"error","code":"unknown_command","reason":"the command is not known here"}""";
            default:
                return """{"status":"ok"}""";
        }
    }
}
