using System.Globalization;

namespace Qwamos.Load;

/// <summary>
/// Sends requests that were made and signed ahead of time, and prints one line of JSON with what it measured; or measures what this machine's
/// cores do without a server. bench/run and bench/ledger call it.
/// </summary>
internal static class Program
{
    private const string Usage =
        """
        usage: qwamos-load send --socket PATH [--speak bus|redis|etcd] [--home DIR] [--pace connection|kept|open] [--clients N] [--window N]
                                [--rate N] [--requests N] [--seconds N] [--repeat yes] [--value-bytes N] [--server-pid N] [--system HEX]
               qwamos-load verify --home DIR --requests N --clients THREADS
               qwamos-load multiply --clients THREADS
        Without --home the bus's requests are signed by a key that nobody knows. --repeat yes sends the same ones again and again.
        With --system they name it, and the key that signed them, as with a trust root.
        """;

    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        ["--socket"] = "",
        ["--speak"] = "bus",
        ["--home"] = "",
        ["--system"] = "",
        ["--pace"] = "kept",
        ["--clients"] = "8",
        ["--window"] = "1",
        ["--rate"] = "1000",
        ["--requests"] = "20000",
        ["--seconds"] = "10",
        ["--repeat"] = "no",
        ["--value-bytes"] = "256",
        ["--server-pid"] = "0",
    };

    private static int Main(string[] arguments)
    {
        var given = new Dictionary<string, string>(Defaults, StringComparer.Ordinal);
        if (arguments.Length % 2 == 0)
            return Fail(Usage);
        foreach (string[] pair in arguments[1..].Chunk(2))
            if (!given.TryAdd(pair[0], pair[1]) && Defaults.ContainsKey(pair[0]))
                given[pair[0]] = pair[1];
            else
                return Fail(pair[0] + " is not known\n" + Usage);
        int Number(string name) => int.Parse(given[name], CultureInfo.InvariantCulture);
        switch (arguments[0])
        {
            case "send":
                LoadRecord record = Send(given, Number);
                Console.WriteLine(record.ToJson());
                return 0;
            case "verify":
                Console.WriteLine(PlainWork.Verify(given["--home"], Number("--requests"), Number("--clients"), TimeProvider.System));
                return 0;
            case "multiply":
                Console.WriteLine(PlainWork.Multiply(Number("--clients")));
                return 0;
            default:
                return Fail(Usage);
        }
    }

    private static LoadRecord Send(Dictionary<string, string> given, Func<string, int> number)
    {
        Pace pace = given["--pace"] switch
        {
            "connection" => Pace.Connection,
            "kept" => Pace.Kept,
            "open" => Pace.OpenLoop,
            var other => throw new ArgumentException(other + " is no pace"),
        };
        bool repeats = given["--repeat"] == "yes";
        int count = number("--requests");
        RequestStore? requests = given["--speak"] == "bus" ? SignedRequests.Make(given["--home"] is { Length: > 0 } home ? home : null, given["--system"], count, TimeProvider.System) : null;
        var plan = new LoadPlan(
            given["--socket"], number("--server-pid"), pace, number("--clients"), number("--window"), number("--rate"),
            repeats ? int.MaxValue : count, TimeSpan.FromSeconds(number("--seconds")));
        LoadRecord record = new LoadLoop(plan, () => given["--speak"] switch
        {
            "bus" => new BusConversation(requests!),
            "redis" => new RedisConversation(number("--value-bytes")),
            "etcd" => new EtcdConversation(number("--value-bytes")),
            var other => throw new ArgumentException(other + " is not spoken"),
        }).Run();
        record.RequestBytes = requests?.MeanBytes ?? 0;
        return record;
    }

    private static int Fail(string text)
    {
        Console.Error.WriteLine(text);
        return 1;
    }
}
