import com.thoughtworks.xstream.XStream;
import com.thoughtworks.xstream.security.AnyTypePermission;

import java.lang.reflect.Field;

import org.apache.jmeter.JMeter;
import org.apache.jmeter.save.SaveService;

/**
 * JMeter's own main, for Debian 12: its JMeter 2.13 is older than its XStream 1.4.20, which since 1.4.18 reads no class
 * that it was not told of, so that no test plan can be loaded. The plan is ours: everything in it may be read.
 */
public final class Headless {
    private Headless() {}

    public static void main(String[] arguments) throws Exception {
        // Properties first: SaveService reads them when it is loaded, and JMeter only when it starts.
        String home = System.getProperty("jmeter.home");
        org.apache.jmeter.util.JMeterUtils.setJMeterHome(home);
        org.apache.jmeter.util.JMeterUtils.loadJMeterProperties(home + "/bin/jmeter.properties");
        for (String name : new String[] {"JMXSAVER", "JTLSAVER"}) {
            Field field = SaveService.class.getDeclaredField(name);
            field.setAccessible(true);
            ((XStream) field.get(null)).addPermission(AnyTypePermission.ANY);
        }
        new JMeter().start(arguments);
    }
}
