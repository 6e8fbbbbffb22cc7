using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>More gateways than one answer holds.</summary>
public sealed class ManyGatewaysTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    /// <summary>Their rows are longer than an answer: none is left out silently, and whoever waits for all of them sees all.</summary>
    [Fact]
    public void StatusOf256Gateways_ComesInPages_AndTheClientShowsAllOfThem()
    {
        string[] names = [.. Enumerable.Range(0, 256).Select(number => $"vm-{number:D3}")];
        string rows = string.Join(',', names.Select(name => $$"""{"name":"{{name}}","class":"gateway","socket":"/run/qwamos/{{name}}.sock"}"""));
        _trial.Write("/etc/qwamos/qwamosd.json", $"{{\"gateways\":[{rows}]}}");
        _trial.StartDaemon();
        Eventually.True(() => _trial.Status().GetProperty("gateways").EnumerateObject().All(row => row.Value.GetProperty("witness").GetProperty("state").GetString() == "failing"), "each was tried");
        JsonElement status = _trial.Status();
        Assert.True(status.TryGetProperty("more_gateways", out _) && status.TryGetProperty("stages", out _) && !status.TryGetProperty("left_out", out _));
        List<string> shown = [.. status.GetProperty("gateways").EnumerateObject().Select(row => row.Name)];
        while (status.TryGetProperty("more_gateways", out JsonElement last))
        {
            status = _trial.Ask(Encoding.UTF8.GetBytes($$$"""{"msg":{"args":{"gateways_after":"{{{last.GetString()}}}"},"command":"get_status"}}"""));
            shown.AddRange(status.GetProperty("gateways").EnumerateObject().Select(row => row.Name));
        }
        Assert.Equal(names, shown);
        Assert.Equal("bad_request", _trial.Ask("""{"msg":{"args":{"gateways_after":7},"command":"get_status"}}"""u8).Code());
        CommandResult all = _trial.Client("status", "-o", "json");
        Assert.True(all.ExitCode == 0, all.Error);
        using JsonDocument document = JsonDocument.Parse(all.Output);
        Assert.Equal(names, document.RootElement.GetProperty("gateways").EnumerateObject().Select(row => row.Name));
    }
}
