/** To be imported first: zod otherwise tries to compile schemas by eval, which the page's policy forbids and reports. */
import * as z from "zod";

z.config({ jitless: true });
