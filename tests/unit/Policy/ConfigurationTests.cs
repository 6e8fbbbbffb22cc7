using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Keys;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>qwamosd.json, gateway.json and policy.schema.json as files of a trial root.</summary>
public sealed class ConfigurationTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly SystemPaths paths;

    public ConfigurationTests()
    {
        Assert.True(SystemPaths.TryCreate(directory.At("root"), out var made, out _));
        paths = made;
        TrialTree.MakeMissing(paths);
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Absent_qwamosd_json_means_no_gateways()
    {
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out var config, out _));
        Assert.Empty(config.Gateways);
        Assert.Equal(["dom0", "ui"], config.Domains.Keys.Order());
    }

    [Theory]
    [InlineData("""{}""", 2)]
    [InlineData("""{"boot_tries":3}""", 3)]
    public void Every_member_of_qwamosd_json_is_optional(string content, int tries)
    {
        Write(paths.DaemonConfigFile, content);
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out var config, out var fault), fault);
        Assert.Empty(config.Gateways);
        Assert.Equal(tries, config.BootTries);
    }

    [Fact]
    public void A_number_out_of_its_range_is_told_the_range()
    {
        Write(paths.DaemonConfigFile, """{"boot_tries":11}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.EndsWith("boot_tries must be an integer from 1 to 10", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Gateways_are_read_and_their_sockets_moved_under_the_root()
    {
        Write(paths.DaemonConfigFile, """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out var config, out var fault), fault);
        Assert.Equal(new GatewayEntry("gateway", "gateway", paths.GatewaySocket), Assert.Single(config.Gateways));
        Assert.Equal("gateway", config.Domains["gateway"]);
    }

    [Theory]
    [InlineData("""[]""")]
    [InlineData("""{"gateways":[],"more":1}""")]
    [InlineData("""{"gateways":null}""")]
    [InlineData("""{"gateways":{}}""")]
    [InlineData("""{"gateways":[1]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway","socket":"/s","x":1}]}""")]
    [InlineData("""{"gateways":[{"name":"","class":"gateway","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"../a","class":"gateway","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"dom0","class":"gateway","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"ui","class":"ui","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"dom0","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"all","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"none","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway","socket":"relative"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway","socket":"/s"},{"name":"a","class":"gateway","socket":"/t"}]}""")]
    [InlineData("""{"gateways":[""")]
    public void Bad_qwamosd_json_stops_the_start(string content)
    {
        Write(paths.DaemonConfigFile, content);
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.Contains(paths.DaemonConfigFile, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Socket_path_over_107_bytes_is_a_clear_error()
    {
        Write(paths.DaemonConfigFile, $$"""{"gateways":[{"name":"a","class":"gateway","socket":"/{{new string('s', 107)}}"}]}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.Contains("107 bytes", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_256_gateways_stop_the_start()
    {
        var gateways = Enumerable.Range(0, 257).Select(i => $$"""{"name":"g{{i}}","class":"gateway","socket":"/s{{i}}"}""");
        Write(paths.DaemonConfigFile, $$"""{"gateways":[{{string.Join(',', gateways)}}]}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out _));
    }

    [Fact]
    public void Absent_gateway_json_means_the_usual_gateway()
    {
        Assert.True(GatewayConfig.TryLoad(paths, Schema, out var config, out _));
        Assert.Equal(("gateway", "gateway"), (config.Name, config.Class));
        Assert.True(config.Scope.IsReceiver);
    }

    [Fact]
    public void Gateway_json_names_the_domain()
    {
        Write(paths.GatewayConfigFile, """{"name":"screen","class":"ui"}""");
        Assert.True(GatewayConfig.TryLoad(paths, Schema, out var config, out var fault), fault);
        Assert.Equal(("screen", "ui"), (config.Name, config.Class));
    }

    [Theory]
    [InlineData("""{"name":"gateway"}""")]
    [InlineData("""{"name":"gateway","class":"gateway","x":1}""")]
    [InlineData("""{"name":"dom0","class":"gateway"}""")]
    [InlineData("""{"name":"a","class":"dom0"}""")]
    [InlineData("""{"name":"a","class":"all"}""")]
    [InlineData("""{"name":1,"class":"gateway"}""")]
    public void Bad_gateway_json_stops_the_start(string content)
    {
        Write(paths.GatewayConfigFile, content);
        Assert.False(GatewayConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void Schema_file_replaces_the_built_in_one_and_says_so()
    {
        Assert.True(PolicySchema.TryLoadFor(paths, out var builtIn, out _));
        Assert.Same(PolicySchema.BuiltIn, builtIn);
        Write(paths.SchemaFile, SchemaOf(Key("A", "\"type\":\"boolean\",\"default\":false")));
        Assert.True(PolicySchema.TryLoadFor(paths, out var given, out var fault), fault);
        Assert.Equal(paths.SchemaFile, given.Origin);
        Assert.Equal("A", Assert.Single(given.Keys).Name);
    }

    [Fact]
    public void Bad_schema_file_stops_the_start_and_does_not_fall_back()
    {
        Write(paths.SchemaFile, "{}");
        Assert.False(PolicySchema.TryLoadFor(paths, out _, out var fault));
        Assert.Contains(paths.SchemaFile, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack27_link_hard_link_or_file_writable_by_others_is_refused()
    {
        var elsewhere = directory.At("elsewhere");
        Write(elsewhere, SchemaOf(Key("A", "\"type\":\"boolean\",\"default\":false")));
        File.CreateSymbolicLink(paths.SchemaFile, elsewhere);
        Assert.False(PolicySchema.TryLoadFor(paths, out _, out _));
        File.Delete(elsewhere);
        Assert.False(PolicySchema.TryLoadFor(paths, out _, out _)); // A dangling link is not an absent file.
        File.Delete(paths.SchemaFile);
        Write(paths.SchemaFile, SchemaOf(Key("A", "\"type\":\"boolean\",\"default\":false")));
        File.SetUnixFileMode(paths.SchemaFile, (UnixFileMode)Convert.ToInt32("666", 8));
        Assert.False(PolicySchema.TryLoadFor(paths, out _, out _));
    }

    private static void Write(string path, string content)
    {
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("644", 8));
    }
}
