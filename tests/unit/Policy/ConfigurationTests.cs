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
        var gateway = Assert.Single(config.Gateways);
        Assert.Equal(("gateway", "gateway", LinkAddress.Unix(paths.GatewaySocket)), (gateway.Name, gateway.Class, gateway.Link));
        Assert.Empty(gateway.Tags);
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
    [InlineData("""{"gateways":[{"name":"ui","class":"gateway","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"dom0","class":"dom0","socket":"/run/qwamos/other.sock"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"dom0","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"all","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"none","socket":"/s"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway","socket":"relative"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway","socket":"/s"},{"name":"a","class":"gateway","socket":"/t"}]}""")]
    [InlineData("""{"gateways":[{"name":"a","class":"gateway","socket":"/s"},{"name":"b","class":"gateway","socket":"/s"}]}""")]
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
    public void More_domains_than_there_may_be_in_both_files_stop_the_start()
    {
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"a","class":"gateway","link":"unix:/s"}]}""");
        var gateways = Enumerable.Range(0, Limits.MaxGateways - 1).Select(i => $$"""{"name":"g{{i}}","class":"gateway","socket":"/s{{i}}"}""");
        Write(paths.DaemonConfigFile, $$"""{"gateways":[{{string.Join(',', gateways)}}]}""");
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out _, out var fault), fault);
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"a","class":"gateway","link":"unix:/s"},{"name":"b","class":"gateway","link":"unix:/t"}]}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out _));
    }

    [Fact]
    public void Domains_json_names_domains_with_their_links_and_tags()
    {
        Write(paths.DomainsConfigFile, """
            {"domains":[{"name":"dom0","class":"dom0","link":"unix:/run/qwamos/dom0-bus.sock"},
                        {"name":"ui","class":"ui","link":"unix:/run/qwamos/screen.sock"},
                        {"name":"gw","class":"gateway","tags":["home","wifi"],"link":"unix:/run/qwamos/gw.sock"}]}
            """);
        Write(paths.DaemonConfigFile, """{"gateways":[{"name":"old","class":"gateway","socket":"/run/qwamos/old.sock"}]}""");
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out var config, out var fault), fault);
        Assert.Equal(["dom0", "ui", "gw", "old"], config.Gateways.Select(domain => domain.Name));
        Assert.Equal(["home", "wifi"], config.Gateways[2].Tags);
        Assert.Equal($"unix:{paths.At("/run/qwamos/gw.sock")}", config.Gateways[2].Link.ToString());
        Assert.Equal(("dom0", "ui", "gateway"), (config.Domains["dom0"], config.Domains["ui"], config.Domains["gw"]));
    }

    [Fact]
    public void A_name_in_both_files_is_an_error_that_names_both()
    {
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"a","class":"gateway","link":"unix:/s"}]}""");
        Write(paths.DaemonConfigFile, """{"gateways":[{"name":"a","class":"gateway","socket":"/t"}]}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.Contains(paths.DomainsConfigFile, fault, StringComparison.Ordinal);
        Assert.Contains(paths.DaemonConfigFile, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_in_both_files_is_an_error_that_names_the_other_domain()
    {
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"a","class":"gateway","link":"unix:/s"}]}""");
        Write(paths.DaemonConfigFile, """{"gateways":[{"name":"b","class":"gateway","socket":"/s"}]}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.Equal($"{paths.DaemonConfigFile}: gateways[0], b: the link unix:/s is that of a already: each domain is reached by one of its own", fault);
    }

    [Theory]
    [InlineData("\"link\":5", "domains[1]: link must be a string")]
    [InlineData("\"lnk\":\"unix:/t\"", "domains[1] has an unknown member \"lnk\" (known: class, link, name, tags)")]
    [InlineData("\"link\":\"/t\"", "domains[1], b: a link is unix:PATH")]
    [InlineData("\"link\":\"unix:/t\",\"tags\":[1]", "domains[1], b: tags are distinct")]
    public void What_is_wrong_in_a_domain_is_said_with_its_place_and_member(string member, string said)
    {
        Write(paths.DomainsConfigFile, $$"""{"domains":[{"name":"a","class":"gateway","link":"unix:/s"},{"name":"b","class":"gateway",{{member}}}]}""");
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.StartsWith($"{paths.DomainsConfigFile}: {said}", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Hash_is_of_what_both_files_say_and_not_of_how()
    {
        List<string> hashes = [Hash()];
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"a","class":"gateway","link":"unix:/s"}]}""");
        hashes.Add(Hash());
        Write(paths.DomainsConfigFile, """{ "domains": [ { "link": "unix:/s", "name": "a", "class": "gateway" } ] }""");
        Assert.Equal(hashes[1], Hash());
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"a","class":"gateway","link":"unix:/t"}]}""");
        hashes.Add(Hash());
        Write(paths.DaemonConfigFile, """{"boot_tries":3}""");
        hashes.Add(Hash());
        Assert.Equal(4, hashes.Distinct().Count());

        string Hash() => DaemonConfig.TryLoad(paths, Schema, out var config, out var fault) ? config.Hash : throw new InvalidOperationException(fault);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"domains":[],"more":1}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"/s"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"tcp:host:1"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"unix:/s","socket":"/s"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"unix:/s","tags":["b","b"]}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"unix:/s","tags":["a b"]}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"unix:/s","tags":[1]}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"dom0","link":"unix:/run/qwamos/dom0-bus.sock"}]}""")]
    [InlineData("""{"domains":[{"name":"dom0","class":"gateway","link":"unix:/run/qwamos/dom0-bus.sock"}]}""")]
    [InlineData("""{"domains":[{"name":"dom0","class":"dom0","link":"unix:/run/qwamos/gateway-bus.sock"}]}""")]
    [InlineData("""{"domains":[{"name":"dom0","class":"dom0","link":"tls:elsewhere:1"}]}""")]
    [InlineData("""{"domains":[{"name":"dom0","class":"dom0","link":"virtio:/run/qwamos/dom0-bus.sock"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"all","link":"unix:/s"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"unix:/s"},{"name":"a","class":"gateway","link":"unix:/t"}]}""")]
    [InlineData("""{"domains":[{"name":"a","class":"gateway","link":"tls:h:1"},{"name":"b","class":"gateway","link":"tls:h:1"}]}""")]
    public void Bad_domains_json_stops_the_start(string content)
    {
        Write(paths.DomainsConfigFile, content);
        Assert.False(DaemonConfig.TryLoad(paths, Schema, out _, out var fault));
        Assert.Contains(paths.DomainsConfigFile, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack27_domains_json_writable_by_others_stops_the_start()
    {
        Write(paths.DomainsConfigFile, """{"domains":[]}""");
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out _, out _));
        File.SetUnixFileMode(paths.DomainsConfigFile, (UnixFileMode)Convert.ToInt32("666", 8));
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

    [Fact]
    public void Another_domain_has_its_own_files_and_is_of_its_class()
    {
        Assert.True(paths.TryForDomain("dom0", out var dom0, out _));
        Assert.Equal(
            [paths.At("/etc/qwamos/dom0.json"), paths.At("/var/lib/qwamos-dom0/accepted.db"), paths.At("/run/qwamos/dom0-bus.sock")], [dom0.GatewayConfigFile, dom0.AcceptedFile, dom0.GatewaySocket]);
        Assert.True(GatewayConfig.TryLoad(dom0, Schema, out var config, out _));
        Assert.Equal(("dom0", "dom0"), (config.Name, config.Class));
        Write(dom0.GatewayConfigFile, """{"name":"gateway","class":"gateway"}""");
        Assert.False(GatewayConfig.TryLoad(dom0, Schema, out _, out var fault));
        Assert.EndsWith("the class here must be dom0", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Over_tls_a_domain_is_dialled_by_way_of_qwamos_link()
    {
        Write(paths.DomainsConfigFile, """{"domains":[{"name":"far","class":"gateway","link":"tls:far.example:9443"},{"name":"port","class":"gateway","link":"virtio:/vm/port"}]}""");
        Assert.True(DaemonConfig.TryLoad(paths, Schema, out var config, out var fault), fault);
        Assert.Equal([paths.At("/run/qwamos-link/far.sock"), paths.At("/vm/port")], config.Gateways.Select(domain => domain.DialPath));
    }

    [Fact]
    public void Link_json_says_where_dom0_is_awaited_and_whom_it_reaches()
    {
        Write(paths.LinkConfigFile, """{"listen":"tls:127.0.0.1:9443"}""");
        Assert.True(LinkConfig.TryLoad(paths, out var config, out var fault), fault);
        Assert.Equal(("tls:127.0.0.1:9443", $"unix:{paths.GatewaySocket}"), (config.Listen.ToString(), config.To.ToString()));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"listen":"unix:/s"}""")]
    [InlineData("""{"listen":"tcp:127.0.0.1:9443"}""")]
    [InlineData("""{"listen":"virtio:/s"}""")]
    [InlineData("""{"listen":"tls:h:1","to":"tls:h:2"}""")]
    [InlineData("""{"listen":"tls:h:1","more":1}""")]
    public void Bad_link_json_stops_the_start(string content)
    {
        Write(paths.LinkConfigFile, content);
        Assert.False(LinkConfig.TryLoad(paths, out _, out var fault));
        Assert.Contains(paths.LinkConfigFile, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("boot")]
    [InlineData("courier")]
    [InlineData("domains")]
    [InlineData("link")]
    [InlineData("qwamosd")]
    [InlineData("status")]
    public void A_class_whose_files_would_be_others_is_no_domain(string name) => Assert.False(paths.TryForDomain(name, out _, out _));

    [Fact]
    public void Dom0s_own_domain_leaves_reboot_keys_to_the_boot()
    {
        var scope = DomainScope.Receiver("dom0", "dom0");
        Assert.True(PolicySchema.BuiltIn.TryGet("KERNEL_HARDENING", out var staged) & PolicySchema.BuiltIn.TryGet("CRYPTO_BACKEND", out var all) & PolicySchema.BuiltIn.TryGet("GHOST.trigger", out var runtime));
        Assert.Equal((false, false, true), (scope.Includes(staged!), scope.Includes(all!), scope.Includes(runtime!)));
        Assert.True(DomainScope.Receiver("gateway", "gateway").Includes(all!));
    }

    [Fact]
    public void Gateway_json_names_ports_to_listen_at()
    {
        Write(paths.GatewayConfigFile, """{"name":"gateway","class":"gateway","listen":["virtio:/dev/virtio-ports/org.qwamos.bus"]}""");
        Assert.True(GatewayConfig.TryLoad(paths, Schema, out var config, out var fault), fault);
        Assert.Equal(paths.At("/dev/virtio-ports/org.qwamos.bus"), Assert.Single(config.Listen).Path);
    }

    [Theory]
    [InlineData("""{"name":"gateway","class":"gateway","listen":["unix:/s"]}""")]
    [InlineData("""{"name":"gateway","class":"gateway","listen":["tls:h:1"]}""")]
    [InlineData("""{"name":"gateway","class":"gateway","listen":[1]}""")]
    [InlineData("""{"name":"gateway","class":"gateway","listen":["virtio:/a","virtio:/b","virtio:/c","virtio:/d","virtio:/e"]}""")]
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
