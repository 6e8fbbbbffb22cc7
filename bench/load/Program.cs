using System.Globalization;

namespace Qwamos.Load;

/// <summary>
/// Signs requests ahead of time, sends them from several clients at once, and prints one line of JSON with what it measured; or only verifies
/// them, on all cores.
/// </summary>
internal static class Program
{
    private const string Usage =
        "usage: qwamos-load --socket PATH --home DIR [--clients N] [--requests N] [--seconds N] [--pipelined yes], or --home DIR --verify N";

    private static int Main(string[] arguments)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["--clients"] = "8",
            ["--requests"] = "20000",
            ["--seconds"] = "10",
            ["--pipelined"] = "no",
        };
        if (arguments.Length % 2 != 0)
            return Fail(Usage);
        foreach (string[] pair in arguments.Chunk(2))
            given[pair[0]] = pair[1];
        int Number(string name) => int.Parse(given[name], CultureInfo.InvariantCulture);
        if (given.TryGetValue("--home", out string? home) && given.ContainsKey("--verify"))
        {
            Console.WriteLine(PlainVerification.Measure(home, Number("--verify"), TimeProvider.System));
            return 0;
        }
        if (!given.TryGetValue("--socket", out string? socket) || home is null)
            return Fail(Usage);

        byte[][] requests = SignedRequests.Make(home, Number("--requests"), TimeProvider.System);
        var run = new LoadRun(socket, requests, Number("--clients"), TimeSpan.FromSeconds(Number("--seconds")));
        LoadResult result = given["--pipelined"] == "yes" ? run.Pipelined() : run.OneRequestAConnection();
        Console.WriteLine(result.ToJson());
        return result.Refused == 0 && result.Answered > 0 ? 0 : Fail($"{result.Refused} refused, the first: {result.FirstRefusal}");
    }

    private static int Fail(string text)
    {
        Console.Error.WriteLine(text);
        return 1;
    }
}
